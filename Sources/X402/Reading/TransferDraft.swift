import Primitives

/// The texts of an ERC-3009 authorization; what is missing or no string stays nil.
struct TransferDraft: ~Copyable {
    private var from: JSONText?
    private var to: JSONText?
    private var value: JSONText?
    private var validAfter: JSONText?
    private var validBefore: JSONText?
    private var nonce: JSONText?
    private var signature: JSONText?
    private var r: JSONText?
    private var s: JSONText?
    private var v: JSONText?
    /// Bits of the fields that occurred, right or wrong.
    private(set) var seen: UInt32 = 0

    /// Reads the value under the cursor as this field, steps over it when it is none of a transfer's.
    mutating func read(_ field: PaymentField, _ scanner: inout JSONScanner) throws(WireError) {
        seen |= field.bit
        let text = try field == .v && scanner.isAtDigit ? scanner.number() : scanner.stringOrSkip()
        switch field {
        case .from: from = text
        case .to: to = text
        case .value: value = text
        case .validAfter: validAfter = text
        case .validBefore: validBefore = text
        case .nonce: nonce = text
        case .signature: signature = text
        case .r: r = text
        case .s: s = text
        case .v: v = text
        default: break
        }
    }

    /// Reads the six members of an `authorization` object; any other value leaves them nil.
    mutating func readAuthorization(_ scanner: inout JSONScanner) throws(WireError) {
        seen |= PaymentField.authorization.bit
        guard scanner.isAtObject else { return try scanner.skipValue() }
        var object = try scanner.openObject()
        while let member = try scanner.nextMember(&object) {
            if let field = member.field, field.bit & PaymentField.authorizationBits != 0 {
                try read(field, &scanner)
            } else {
                try scanner.skipValue()
            }
        }
    }

    /// The transfer, when every field is there and right and the signature was given in one way.
    @inline(__always)
    var transfer: SignedTransfer? {
        guard let from, let to, let value, let validAfter, let validBefore, let nonce else { return nil }
        guard let from = Address(hex: from.bytes), let to = Address(hex: to.bytes) else { return nil }
        guard let value = UInt256(decimal: value.bytes), let validAfter = UInt256(decimal: validAfter.bytes) else {
            return nil
        }
        guard let validBefore = UInt256(decimal: validBefore.bytes) else { return nil }
        guard let nonce = Bytes32(hex: nonce.bytes), let signature = wholeSignature else { return nil }
        return SignedTransfer(
            from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce,
            signature: signature)
    }

    @inline(__always)
    private var wholeSignature: PaymentSignature? {
        guard seen & PaymentField.partBits != 0 else { return signature.flatMap { PaymentSignature(hex: $0.bytes) } }
        guard seen & PaymentField.signature.bit == 0, let r, let s, let v = v?.integer else { return nil }
        guard let r = Bytes32(hex: r.bytes), let s = Bytes32(hex: s.bytes) else { return nil }
        guard v == 0 || v == 1 || v == 27 || v == 28 else { return nil }
        return .rsv(r: r, s: s, v: UInt8(v))
    }
}

extension PaymentSignature {
    /// Most bytes of a signature (EIP-6492 wrappers are the long ones).
    package static let maxBytes = 2048

    /// Reads `0x` and an even number of digits of any case; nil beyond `maxBytes`.
    package init?(hex text: UnsafeRawBufferPointer) {
        let digits = text.count - 2
        guard digits >= 0, digits.isMultiple(of: 2), digits <= 2 * Self.maxBytes else { return nil }
        guard text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x") else { return nil }
        let signature = withUnsafeTemporaryAllocation(byteCount: digits / 2, alignment: 8) { bytes in
            let valid = Hex.decode(UnsafeRawBufferPointer(rebasing: text[2...]), into: bytes)
            return valid ? PaymentSignature(bytes: UnsafeRawBufferPointer(bytes)) : nil
        }
        guard let signature else { return nil }
        self = signature
    }

    /// Any bytes; 65 of them are `r ‖ s ‖ v`.
    package init(bytes: UnsafeRawBufferPointer) {
        if bytes.count == 65 {
            self = .rsv(
                r: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[0..<32])),
                s: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[32..<64])), v: bytes[64])
        } else {
            self = .bytes([UInt8](bytes))
        }
    }
}
