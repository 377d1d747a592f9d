package import Primitives

/// An EIP-712 domain with its separator computed once.
package struct TypedDataDomain: Hashable, Sendable {
    /// The name the token's contract signs under, which is not always its display name.
    package let name: String
    /// The contract's signing version.
    package let version: String
    /// The EIP-155 chain id.
    package let chainID: UInt64
    /// The contract that checks the signature.
    package let verifyingContract: Address
    /// `hashStruct` of the domain.
    package let separator: Bytes32

    /// The EIP-712 type whose hash begins the separator.
    static let type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    static let typeHash = Keccak256.hash(type)

    /// Computes the separator of the four fields that FiatToken uses.
    package init(name: String, version: String, chainID: UInt64, verifyingContract: Address) {
        self.name = name
        self.version = version
        self.chainID = chainID
        self.verifyingContract = verifyingContract
        separator = withUnsafeTemporaryAllocation(byteCount: 160, alignment: 8) { words in
            var writer = WordWriter(words)
            writer.append(Self.typeHash)
            writer.append(Keccak256.hash(name))
            writer.append(Keccak256.hash(version))
            writer.append(UInt256(chainID))
            writer.append(verifyingContract)
            return Keccak256.hash(UnsafeRawBufferPointer(words))
        }
    }

    /// What is signed for a struct in this domain: `keccak256(0x1901 ‖ separator ‖ structHash)`.
    package func digest(ofStruct structHash: Bytes32) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 66, alignment: 8) { message in
            message[0] = 0x19
            message[1] = 0x01
            var writer = WordWriter(message, at: 2)
            writer.append(separator)
            writer.append(structHash)
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
    }
}
