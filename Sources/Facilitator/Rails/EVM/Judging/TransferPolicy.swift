/// How much time an authorization must leave, and may take.
package struct TransferPolicy: Hashable, Sendable {
    /// Seconds that must be left before `validBefore` for a settlement to be mined (the official SDK's margin).
    package var validBeforeMargin: Int64
    /// Seconds beyond which `validBefore` may not lie, so that spent records can be pruned.
    package var maxValidity: Int64

    package init(validBeforeMargin: Int64 = 6, maxValidity: Int64 = 24 * 60 * 60) {
        self.validBeforeMargin = validBeforeMargin
        self.maxValidity = maxValidity
    }
}
