import Primitives

/// The texts of version 2's `accepted`; what is missing or of another type stays nil.
struct AcceptedDraft: ~Copyable {
    private(set) var scheme: JSONText?
    private(set) var network: JSONText?
    private var asset: JSONText?
    private var amount: JSONText?
    private var payTo: JSONText?
    private var maxTimeoutSeconds: Int?
    private var name: JSONText?
    private var version: JSONText?
    private var others: [JSONMember] = []
    private var isExtraWrong = false

    /// Reads the object under the cursor.
    mutating func read(_ scanner: inout JSONScanner) throws(WireError) {
        var object = try scanner.openObject()
        while let member = try scanner.nextMember(&object) {
            switch member.field {
            case .scheme: scheme = try scanner.stringOrSkip()
            case .network: network = try scanner.stringOrSkip()
            case .asset: asset = try scanner.stringOrSkip()
            case .payTo: payTo = try scanner.stringOrSkip()
            case .amount: amount = try scanner.stringOrSkip()
            case .maxTimeoutSeconds: maxTimeoutSeconds = try scanner.integerOrSkip()
            case .extra: try readExtra(&scanner)
            default: try scanner.skipValue()
            }
        }
    }

    /// An object, or null as newer clients send for an absent one.
    private mutating func readExtra(_ scanner: inout JSONScanner) throws(WireError) {
        guard scanner.isAtObject else {
            isExtraWrong = try scanner.value() != .null
            return
        }
        var object = try scanner.openObject()
        while let member = try scanner.nextMember(&object) {
            switch member.field {
            case .name where scanner.isAtString: name = try scanner.string()
            case .version where scanner.isAtString: version = try scanner.string()
            default: others.append(JSONMember(member.name.string, try scanner.value()))
            }
        }
    }

    /// The offer, when all that version 2 demands is there and right.
    @inline(__always)
    var offer: AcceptedOffer? {
        guard let asset, let amount = amount.flatMap({ UInt256(decimal: $0.bytes) }), let payTo, !isExtraWrong else {
            return nil
        }
        return AcceptedOffer(
            asset: Account(asset), amount: amount, payTo: Account(payTo), maxTimeoutSeconds: maxTimeoutSeconds,
            extra: OfferExtra(name: name?.string, version: version?.string, others: others))
    }
}

extension Account {
    /// The account that a text of the wire names.
    init(_ text: JSONText) {
        self = Address(hex: text.bytes).map(Account.address) ?? .named(text.string)
    }
}
