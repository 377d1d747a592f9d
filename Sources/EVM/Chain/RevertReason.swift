package import Primitives

/// Why a call reverted, as far as its bytes say so.
package enum RevertReason: Hashable, Sendable {
    /// `Error(string)`, or the text a node gave in its place.
    case message(String)
    /// `Panic(uint256)`: the compiler's own checks.
    case panic(UInt256)
    /// An error of the contract's own, by its selector.
    case custom(selector: UInt32, data: [UInt8])
    /// Nothing was returned.
    case empty

    /// The most bytes of a message that are kept.
    package static let maxMessageBytes = 256

    private static let errorSelector: UInt32 = 0x08C3_79A0
    private static let panicSelector: UInt32 = 0x4E48_7B71

    /// Reads what a reverted call returned; bytes in no known form are a custom error.
    ///
    /// Text is read by its length alone: FiatToken 2.1 returns some of its texts with other bytes than zeros behind them.
    package init(data: [UInt8]) {
        guard data.count >= 4 else {
            self = data.isEmpty ? .empty : .custom(selector: 0, data: data)
            return
        }
        let selector = data[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let arguments = Array(data[4...])
        let reader = ABIReader(arguments)
        if selector == Self.errorSelector, let text = reader.text(0) {
            self.init(message: text)
        } else if selector == Self.panicSelector, let code = reader.integer(0) {
            self = .panic(code)
        } else {
            self = .custom(selector: selector, data: arguments)
        }
    }

    /// Takes a text from a chain, cut and without what could not stand in a log.
    package init(message text: String) {
        var kept = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.value >= 0x20 && scalar.value != 0x7F && !(0x80...0x9F).contains(scalar.value)
            let next = isPlain ? String(scalar) : " "
            guard kept.utf8.count + next.utf8.count <= Self.maxMessageBytes else { break }
            kept += next
        }
        self = .message(kept)
    }

    /// The reason for people, and to compare with texts that are known.
    package var text: String {
        switch self {
        case .message(let text): text.isEmpty ? "reverted without a reason" : text
        case .panic(let code): "panic \(Self.panics[code.uint64 ?? 0] ?? "of code \(code)")"
        case .custom(let selector, _):
            Self.knownErrors[selector] ?? "error \(Self.hex(selector)) of the contract"
        case .empty: "reverted without a reason"
        }
    }

    private static func hex(_ selector: UInt32) -> String {
        Hex.encode(withUnsafeBytes(of: selector.bigEndian) { [UInt8]($0) })
    }

    /// Solidity's panic codes (Solidity documentation, "Panic via assert and Error via require").
    private static let panics: [UInt64: String] = [
        0x01: "assertion", 0x11: "arithmetic overflow", 0x12: "division by zero", 0x21: "no such enum value",
        0x22: "broken storage array", 0x31: "pop of an empty array", 0x32: "index out of bounds", 0x41: "out of memory",
        0x51: "call of a zero function",
    ]

    /// Errors of ERC-6093, of the OpenZeppelin contracts that tokens are made of, and of Permit2, by selector.
    private static let knownErrors: [UInt32: String] = {
        let signatures = [
            "ERC20InsufficientBalance(address,uint256,uint256)", "ERC20InvalidSender(address)",
            "ERC20InvalidReceiver(address)", "ERC20InsufficientAllowance(address,uint256,uint256)",
            "ECDSAInvalidSignature()", "ECDSAInvalidSignatureLength(uint256)", "ECDSAInvalidSignatureS(bytes32)",
            "EnforcedPause()",
            // Permit2 and the x402 proxies in front of it.
            "InvalidNonce()", "SignatureExpired(uint256)", "InvalidAmount(uint256)", "InvalidSigner()",
            "InvalidSignature()", "InvalidSignatureLength()", "InvalidContractSignature()", "InvalidAmount()",
            "InvalidOwner()", "InvalidDestination()", "PaymentTooEarly()", "Permit2612AmountMismatch()",
            "UnauthorizedFacilitator()", "AmountExceedsPermitted()",
        ]
        var names: [UInt32: String] = [:]
        for signature in signatures {
            let selector = Keccak256.hash(signature).withBytes { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) }
            names[selector] = signature.prefix { $0 != "(" }.description
        }
        return names
    }()
}
