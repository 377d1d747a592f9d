package import Primitives

/// What a token's event says of money and authorizations.
package enum TransferLog: Hashable, Sendable {
    /// `Transfer` of ERC-20.
    case transfer(from: Address, to: Address, value: UInt256)
    /// `AuthorizationUsed` of ERC-3009.
    case authorizationUsed(authorizer: Address, nonce: Bytes32)
    /// `AuthorizationCanceled` of ERC-3009.
    case authorizationCanceled(authorizer: Address, nonce: Bytes32)

    package static let transferTopic = Keccak256.hash("Transfer(address,address,uint256)")
    package static let usedTopic = Keccak256.hash("AuthorizationUsed(address,bytes32)")
    package static let canceledTopic = Keccak256.hash("AuthorizationCanceled(address,bytes32)")

    /// Reads an event, whoever emitted it; nil for any other event, or one with other values indexed.
    package init?(_ log: ChainLog) {
        guard log.topics.count == 3, let party = log.topics[1].address else { return nil }
        switch log.topics[0] {
        case Self.transferTopic:
            guard let receiver = log.topics[2].address, log.data.count == 32 else { return nil }
            self = .transfer(
                from: party, to: receiver, value: log.data.withUnsafeBytes { UInt256(bigEndian: $0) })
        case Self.usedTopic where log.data.isEmpty: self = .authorizationUsed(authorizer: party, nonce: log.topics[2])
        case Self.canceledTopic where log.data.isEmpty:
            self = .authorizationCanceled(authorizer: party, nonce: log.topics[2])
        default: return nil
        }
    }
}
