/// What a price source says: a price, and for how long it holds.
package struct ToldPrice: Hashable, Sendable {
    package var price: TablePrice
    /// Seconds for which it holds; nil where the source leaves that to the file.
    package var seconds: Int64?
    /// What the source says of it, for the log.
    package var note: String?

    package init(_ price: TablePrice, seconds: Int64? = nil, note: String? = nil) {
        self.price = price
        self.seconds = seconds
        self.note = note
    }

    /// The longest time that a source may name: no longer than any cache.
    package static let maximumSeconds: Int64 = 86_400
    /// The longest note that is read, in bytes.
    package static let maximumNoteBytes = 200
}
