package import Primitives

/// Uniswap's Permit2, and the contracts of x402 that spend through it, at the same addresses on every chain.
package enum Permit2 {
    /// Where Permit2 stands (Uniswap/permit2, README).
    package static let address = constant("0x000000000022D473030F116dDEE9F6B43aC78BA3")
    /// The spender under scheme exact: moves the permitted amount (scheme_exact_evm, "Permit2").
    package static let exactProxy = constant("0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
    /// The spender under scheme upto: moves at most the permitted amount (scheme_upto_evm).
    package static let uptoProxy = constant("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002")

    /// The EIP-712 domain type, which has no version.
    static let domainType = "EIP712Domain(string name,uint256 chainId,address verifyingContract)"

    /// `hashStruct` of the domain on a chain.
    package static func separator(chainID: UInt64) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { words in
            var writer = WordWriter(words)
            writer.append(Self.domainTypeHash)
            writer.append(Self.nameHash)
            writer.append(UInt256(chainID))
            writer.append(address)
            return Keccak256.hash(UnsafeRawBufferPointer(words))
        }
    }

    /// The call that tells which of 256 neighbouring nonces a payer has used.
    package static func nonceBitmap(of owner: Address, nonce: UInt256) -> [UInt8] {
        var call = ABIWriter(function: "nonceBitmap(address,uint256)")
        call.append(owner)
        call.append(word(of: nonce))
        return call.bytes
    }

    /// Whether the nonce is used, by what that call returned; nil when it returned no bitmap.
    package static func isUsed(_ nonce: UInt256, in returned: [UInt8]) -> Bool? {
        guard returned.count == 32 else { return nil }
        return isSet(nonce, in: returned)
    }

    /// The call that tells how much of a token Permit2 may move for an account (ERC-20).
    package static func allowance(of owner: Address) -> [UInt8] {
        var call = ABIWriter(function: "allowance(address,address)")
        call.append(owner)
        call.append(address)
        return call.bytes
    }

    /// `UnorderedNonceInvalidation`: a payer takes nonces out of use.
    package static let invalidationTopic = Keccak256.hash("UnorderedNonceInvalidation(address,uint256,uint256)")

    /// Whether an event takes this payer's nonce out of use.
    package static func invalidates(_ log: ChainLog, owner: Address, nonce: UInt256) -> Bool {
        guard log.address == address, log.topics == [invalidationTopic, Bytes32(owner)], log.data.count == 64,
            Array(log.data[..<32]) == word(of: nonce).bigEndianBytes
        else { return false }
        return isSet(nonce, in: Array(log.data[32...]))
    }

    /// The upper 248 bits say which word of the bitmap a nonce stands in (`SignatureTransfer.bitmapPositions`).
    private static func word(of nonce: UInt256) -> UInt256 {
        ([0] + nonce.bigEndianBytes[..<31]).withUnsafeBytes { UInt256(bigEndian: $0) }
    }

    /// The lower eight bits say which bit of the word, counted from the lowest.
    private static func isSet(_ nonce: UInt256, in word: [UInt8]) -> Bool {
        let bit = Int(nonce.bigEndianBytes[31])
        return word[31 - bit / 8] >> (bit % 8) & 1 == 1
    }

    private static let domainTypeHash = Keccak256.hash(domainType)
    private static let nameHash = Keccak256.hash("Permit2")

    private static func constant(_ text: String) -> Address {
        guard let address = Address(text) else { preconditionFailure("a constant address") }
        return address
    }
}
