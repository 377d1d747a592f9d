package import Primitives

/// The `PermitWitnessTransferFrom` message of Permit2 with the witness of an x402 proxy, as it is signed.
package struct PermitTransfer: Hashable, Sendable {
    /// Who pays, and must have signed; not part of the message.
    package var owner: Address
    package var token: Address
    /// The most that may move; under scheme exact what moves.
    package var amount: UInt256
    package var nonce: UInt256
    /// The last second at which Permit2 accepts.
    package var deadline: UInt256
    package var witness: Witness

    /// What the payer binds the spender to.
    package struct Witness: Hashable, Sendable {
        /// Who is paid.
        package var to: Address
        /// The first second at which the proxy accepts.
        package var validAfter: UInt256
        /// Who alone may settle, under scheme upto; nil under exact.
        package var facilitator: Address?

        package init(to: Address, validAfter: UInt256, facilitator: Address? = nil) {
            self.to = to
            self.validAfter = validAfter
            self.facilitator = facilitator
        }
    }

    package init(
        owner: Address, token: Address, amount: UInt256, nonce: UInt256, deadline: UInt256, witness: Witness
    ) {
        self.owner = owner
        self.token = token
        self.amount = amount
        self.nonce = nonce
        self.deadline = deadline
        self.witness = witness
    }

    /// The proxy that the message names as spender: the witness says which scheme it is for.
    package var spender: Address { witness.facilitator == nil ? Permit2.exactProxy : Permit2.uptoProxy }

    /// The hash that the payer signs, under Permit2's domain on a chain.
    package func digest(separator: Bytes32) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 66, alignment: 8) { message in
            message[0] = 0x19
            message[1] = 0x01
            var writer = WordWriter(message, at: 2)
            writer.append(separator)
            writer.append(structHash())
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
    }

    /// EIP-712 `hashStruct` of the message.
    package func structHash() -> Bytes32 {
        let permitted = Self.hash(words: 3) { writer in
            writer.append(Self.permissionsTypeHash)
            writer.append(token)
            writer.append(amount)
        }
        let witnessed = witnessHash()
        return Self.hash(words: 6) { writer in
            writer.append(witness.facilitator == nil ? Self.exactTypeHash : Self.uptoTypeHash)
            writer.append(permitted)
            writer.append(spender)
            writer.append(nonce)
            writer.append(deadline)
            writer.append(witnessed)
        }
    }

    /// EIP-712 `hashStruct` of the witness.
    func witnessHash() -> Bytes32 {
        Self.hash(words: witness.facilitator == nil ? 3 : 4) { writer in
            writer.append(witness.facilitator == nil ? Self.exactWitnessTypeHash : Self.uptoWitnessTypeHash)
            writer.append(witness.to)
            if let facilitator = witness.facilitator { writer.append(facilitator) }
            writer.append(witness.validAfter)
        }
    }

    private static func hash(words: Int, _ write: (inout WordWriter) -> Void) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 32 * words, alignment: 8) { bytes in
            var writer = WordWriter(bytes)
            write(&writer)
            return Keccak256.hash(UnsafeRawBufferPointer(bytes))
        }
    }

    // MARK: Types

    static let permissionsType = "TokenPermissions(address token,uint256 amount)"
    static let exactWitnessType = "Witness(address to,uint256 validAfter)"
    static let uptoWitnessType = "Witness(address to,address facilitator,uint256 validAfter)"
    private static let primary =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
        + "Witness witness)"
    static let exactType = primary + permissionsType + exactWitnessType
    static let uptoType = primary + permissionsType + uptoWitnessType

    private static let permissionsTypeHash = Keccak256.hash(permissionsType)
    private static let exactWitnessTypeHash = Keccak256.hash(exactWitnessType)
    private static let uptoWitnessTypeHash = Keccak256.hash(uptoWitnessType)
    private static let exactTypeHash = Keccak256.hash(exactType)
    private static let uptoTypeHash = Keccak256.hash(uptoType)
}
