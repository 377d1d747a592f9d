/// What a JSON text may be at most.
package struct JSONLimits: Hashable, Sendable {
    /// Objects and arrays inside one another.
    package var maxDepth: Int
    /// Bytes of the whole text.
    package var maxBytes: Int
    /// Members of all objects that are open at one point of the text.
    package var maxOpenMembers: Int

    package init(maxDepth: Int = 16, maxBytes: Int = 1 << 20, maxOpenMembers: Int = 256) {
        self.maxDepth = maxDepth
        self.maxBytes = maxBytes
        self.maxOpenMembers = maxOpenMembers
    }
}
