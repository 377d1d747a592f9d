package import Primitives

/// Call data of what is asked of a token or of a contract wallet.
package enum TokenCall {
    /// Whether the payer's nonce is used or cancelled (ERC-3009).
    package static func authorizationState(of payer: Address, nonce: Bytes32) -> [UInt8] {
        var call = ABIWriter(function: "authorizationState(address,bytes32)")
        call.append(payer)
        call.append(nonce)
        return call.bytes
    }

    /// What an account holds (ERC-20).
    package static func balance(of account: Address) -> [UInt8] {
        var call = ABIWriter(function: "balanceOf(address)")
        call.append(account)
        return call.bytes
    }

    /// The name that signatures are made under, where the contract has no other.
    package static let name = ABIWriter(function: "name()").bytes
    /// The version that signatures are made under (FiatToken 2).
    package static let version = ABIWriter(function: "version()").bytes
    /// The domain that signatures are made in, hashed (EIP-2612, FiatToken).
    package static let domainSeparator = ABIWriter(function: "DOMAIN_SEPARATOR()").bytes

    /// Asks a contract wallet whether a signature is its owner's (ERC-1271).
    package static func isValidSignature(_ signature: [UInt8], digest: Bytes32) -> [UInt8] {
        var call = ABIWriter(function: "isValidSignature(bytes32,bytes)")
        call.append(digest)
        call.append(2 * 32)
        call.append(counted: signature)
        return call.bytes
    }

    /// Whether a contract wallet said yes: the function's own selector in the first word, and nothing else in it.
    package static func isAcceptance(_ returned: [UInt8]) -> Bool {
        guard let word = ABIReader(returned).word(0) else { return false }
        return word.withBytes { $0[..<4].elementsEqual([0x16, 0x26, 0xBA, 0x7E]) && $0[4...].allSatisfy { $0 == 0 } }
    }

    /// A text that was returned; older tokens return it in one word, with zeros behind it.
    package static func text(_ returned: [UInt8]) -> String? {
        guard returned.count == 32 else { return ABIReader(returned).text(0) }
        return String(decoding: returned.prefix { $0 != 0 }, as: UTF8.self)
    }
}
