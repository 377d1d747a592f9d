package import Primitives

/// The result of a settlement, as `PAYMENT-RESPONSE` and `/settle` carry it.
package struct Receipt: Hashable, Sendable {
    package var success: Bool
    /// Transaction on the rail; empty on failure and for settlements that are queued.
    package var transaction: String
    package var network: Network
    package var payer: String?
    package var reason: ReasonCode?
    package var message: String?
    /// Atomic units actually settled, where that can differ from the offer.
    package var amount: UInt256?
    package var extra: [JSONMember]

    package init(
        success: Bool, transaction: String, network: Network, payer: String? = nil, reason: ReasonCode? = nil,
        message: String? = nil, amount: UInt256? = nil, extra: [JSONMember] = []
    ) {
        self.success = success
        self.transaction = transaction
        self.network = network
        self.payer = payer
        self.reason = reason
        self.message = message
        self.amount = amount
        self.extra = extra
    }
}
