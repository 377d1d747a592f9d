/// The member names that mean something in a payment, at whatever level they stand.
enum PaymentField: UInt8 {
    case x402Version, scheme, network, payload, accepted
    case authorization, signature, v, r, s, chain, asset
    case from, to, value, validAfter, validBefore, nonce
    case amount, payTo, maxTimeoutSeconds, extra, name, version
    case extensions

    /// Nil for every other name.
    @inline(__always)
    init?(_ name: JSONText) {
        guard let field = Self.field(name) else { return nil }
        self = field
    }

    var bit: UInt32 { 1 << UInt32(rawValue) }

    /// The six members of an authorization.
    static let authorizationBits: UInt32 =
        PaymentField.from.bit | PaymentField.to.bit | PaymentField.value.bit | PaymentField.validAfter.bit
        | PaymentField.validBefore.bit | PaymentField.nonce.bit

    /// A signature given in parts.
    static let partBits: UInt32 = PaymentField.v.bit | PaymentField.r.bit | PaymentField.s.bit

    private static func field(_ name: JSONText) -> PaymentField? {
        switch name.count {
        case 1: name.equals("v") ? .v : name.equals("r") ? .r : name.equals("s") ? .s : nil
        case 2: name.equals("to") ? .to : nil
        case 4: name.equals("from") ? .from : name.equals("name") ? .name : nil
        case 5: fiveLetters(name)
        case 6: name.equals("scheme") ? .scheme : name.equals("amount") ? .amount : nil
        case 7:
            name.equals("network")
                ? .network : name.equals("payload") ? .payload : name.equals("version") ? .version : nil
        case 8: name.equals("accepted") ? .accepted : nil
        case 9: name.equals("signature") ? .signature : nil
        case 10: name.equals("validAfter") ? .validAfter : name.equals("extensions") ? .extensions : nil
        case 11:
            name.equals("x402Version") ? .x402Version : name.equals("validBefore") ? .validBefore : nil
        case 13: name.equals("authorization") ? .authorization : nil
        case 17: name.equals("maxTimeoutSeconds") ? .maxTimeoutSeconds : nil
        default: nil
        }
    }

    private static func fiveLetters(_ name: JSONText) -> PaymentField? {
        if name.equals("value") { return .value }
        if name.equals("nonce") { return .nonce }
        if name.equals("asset") { return .asset }
        if name.equals("payTo") { return .payTo }
        if name.equals("extra") { return .extra }
        return name.equals("chain") ? .chain : nil
    }
}

extension JSONScanner {
    /// The next member of an object, known or not; nil when the object is closed.
    struct Member {
        var name: JSONText
        var field: PaymentField?
    }

    /// Reads a member's name and refuses a second of the same name.
    @inline(__always)
    mutating func nextMember(_ object: inout OpenObject) throws(WireError) -> Member? {
        guard let name = try nextName(&object) else { return nil }
        guard let field = PaymentField(name) else {
            try remember(name, in: object)
            return Member(name: name, field: nil)
        }
        try remember(bit: field.bit, in: &object)
        return Member(name: name, field: field)
    }
}
