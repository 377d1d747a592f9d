/// The bounds of a message head and of a trailer section.
package struct HeadLimits: Sendable {
    /// Bytes from the first line to the empty line, both included.
    package var maxHeadBytes: Int
    /// Bytes of a request target.
    package var maxTargetBytes: Int
    /// Field lines.
    package var maxFields: Int

    package init(maxHeadBytes: Int = 16 * 1024, maxTargetBytes: Int = 8 * 1024, maxFields: Int = 100) {
        self.maxHeadBytes = maxHeadBytes
        self.maxTargetBytes = maxTargetBytes
        self.maxFields = maxFields
    }
}
