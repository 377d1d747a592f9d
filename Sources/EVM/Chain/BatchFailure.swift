package import Primitives

/// What the batching contract says of a payment that it passed over.
///
/// It is a reason for people. Whether a payment was settled, only the token's own events and states say.
package struct BatchFailure: Hashable, Sendable {
    package let authorizer: Address
    package let nonce: Bytes32
    /// What the token returned, cut to 132 bytes; empty where the payment ran out of gas.
    package let reason: RevertReason

    static let topic = Keccak256.hash("PaymentFailed(address,bytes32,bytes)")

    /// Reads an event, whoever emitted it; nil for any other event.
    package init?(_ log: ChainLog) {
        guard log.topics.count == 3, log.topics[0] == Self.topic, let authorizer = log.topics[1].address,
            let reason = ABIReader(log.data).dynamicBytes(0)
        else { return nil }
        self.authorizer = authorizer
        nonce = log.topics[2]
        self.reason = RevertReason(data: reason)
    }
}
