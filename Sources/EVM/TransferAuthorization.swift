package import Primitives

/// The `TransferWithAuthorization` message of ERC-3009, as it is signed.
package struct TransferAuthorization: Hashable, Sendable {
    /// Who pays, and must have signed.
    package var from: Address
    /// Who is paid.
    package var to: Address
    /// Atomic units of the token.
    package var value: UInt256
    /// The second after which the contract accepts; it wants `now > validAfter`.
    package var validAfter: UInt256
    /// The second from which the contract refuses; it wants `now < validBefore`.
    package var validBefore: UInt256
    /// What the contract accepts once per payer.
    package var nonce: Bytes32

    /// The EIP-712 primary type.
    static let type =
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
        + "bytes32 nonce)"
    static let typeHash = Keccak256.hash(type)

    /// Takes the six fields in the order of the type.
    package init(
        from: Address, to: Address, value: UInt256, validAfter: UInt256, validBefore: UInt256, nonce: Bytes32
    ) {
        self.from = from
        self.to = to
        self.value = value
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.nonce = nonce
    }

    /// The hash that the payer signs under a domain.
    package func digest(in domain: TypedDataDomain) -> Bytes32 {
        domain.digest(ofStruct: structHash())
    }

    /// EIP-712 `hashStruct` of the message.
    package func structHash() -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 224, alignment: 8) { words in
            var writer = WordWriter(words)
            writer.append(Self.typeHash)
            append(to: &writer)
            return Keccak256.hash(UnsafeRawBufferPointer(words))
        }
    }

    /// The six fields as ABI words, which the struct's encoding and both calls have in common.
    func append(to writer: inout WordWriter) {
        writer.append(from)
        writer.append(to)
        writer.append(value)
        writer.append(validAfter)
        writer.append(validBefore)
        writer.append(nonce)
    }
}
