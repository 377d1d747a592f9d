import Primitives

/// A payment's texts, before it is known which form it has.
struct PaymentDraft: ~Copyable {
    private var version: Int?
    private var scheme: JSONText?
    private var network: JSONText?
    private var chain: JSONText?
    private var asset: JSONText?
    private var hasAccepted = false
    private var accepted = AcceptedDraft()
    /// Where the payload object begins, for rails that read it themselves.
    private var payload: UnsafeRawPointer?
    /// The transfer inside `payload`, or at the top as the plain form has it: one payment has only one of them.
    private var inner = TransferDraft()
    private var outer = TransferDraft()
    private var seen: UInt32 = 0
    private var identifier = PresentedIdentifier.none

    /// Reads a whole text; anything but one object throws.
    mutating func read(_ scanner: inout JSONScanner) throws(WireError) {
        scanner.skipWhitespace()
        var object = try scanner.openObject()
        while let member = try scanner.nextMember(&object) {
            if let field = member.field {
                try read(field, &scanner)
            } else {
                try scanner.skipValue()
            }
        }
        seen = object.seen
        try scanner.finish()
    }

    private mutating func read(_ field: PaymentField, _ scanner: inout JSONScanner) throws(WireError) {
        switch field {
        case .x402Version: version = try scanner.integerOrSkip()
        case .scheme: scheme = try scanner.stringOrSkip()
        case .network: network = try scanner.stringOrSkip()
        case .chain: chain = try scanner.stringOrSkip()
        case .asset: asset = try scanner.stringOrSkip()
        case .accepted where scanner.isAtObject:
            hasAccepted = true
            try accepted.read(&scanner)
        case .extensions: identifier = try scanner.presentedIdentifier()
        case .payload where scanner.isAtObject: try readPayload(&scanner)
        case .authorization: try outer.readAuthorization(&scanner)
        default: try outer.read(field, &scanner)
        }
    }

    private mutating func readPayload(_ scanner: inout JSONScanner) throws(WireError) {
        payload = scanner.cursor
        var object = try scanner.openObject()
        while let member = try scanner.nextMember(&object) {
            switch member.field {
            case .authorization: try inner.readAuthorization(&scanner)
            case .signature: try inner.read(.signature, &scanner)
            default: try scanner.skipValue()
            }
        }
    }
}

// MARK: - Classification

extension PaymentDraft {
    /// Tells the form by content, never by the header's name.
    @inline(__always)
    func reading(_ scanner: inout JSONScanner) throws(WireError) -> PaymentReading {
        guard seen & PaymentField.x402Version.bit != 0 else { return plain() }
        switch version {
        case 2: return try version2(&scanner)
        case 1: return try version1(&scanner)
        default:
            let isKnownShape = payload != nil && (hasAccepted || scheme != nil && network != nil)
            return .undecodable(isKnownShape ? .invalidVersion : .invalidPayload)
        }
    }

    @inline(__always)
    private func version2(_ scanner: inout JSONScanner) throws(WireError) -> PaymentReading {
        guard let scheme = accepted.scheme, let name = accepted.network, let offer = accepted.offer else {
            return .undecodable(.invalidPayload)
        }
        guard let network = Network(utf8: name.bytes) else { return .undecodable(.invalidNetwork) }
        guard let payload = try schemePayload(scheme, network, &scanner) else { return .undecodable(.invalidPayload) }
        return .payment(
            Payment(
                form: .v2, scheme: scheme.string, network: network, accepted: offer, payload: payload,
                identifier: identifier))
    }

    @inline(__always)
    private func version1(_ scanner: inout JSONScanner) throws(WireError) -> PaymentReading {
        guard let scheme, let network else { return .undecodable(.invalidPayload) }
        guard let network = Network.named(v1: network.string) else { return .undecodable(.invalidNetwork) }
        guard let payload = try schemePayload(scheme, network, &scanner) else { return .undecodable(.invalidPayload) }
        return .payment(Payment(form: .v1, scheme: scheme.string, network: network, payload: payload))
    }

    /// The six fields bare or under `authorization`, not both; `chain` and `asset` only where they can be read.
    @inline(never)
    private func plain() -> PaymentReading {
        let isNested = seen & PaymentField.authorization.bit != 0
        let isBare = seen & PaymentField.authorizationBits != 0
        guard isNested != isBare, let transfer = outer.transfer else { return .undecodable(.invalidPayload) }
        guard seen & PaymentField.asset.bit == 0 || asset != nil else { return .undecodable(.invalidPayload) }
        var network: Network?
        if seen & PaymentField.chain.bit != 0 {
            guard let chain = chain.flatMap({ Network(utf8: $0.bytes) }) else { return .undecodable(.invalidNetwork) }
            network = chain
        }
        return .payment(
            Payment(
                form: .plain, scheme: "exact", network: network, asset: asset.map(Account.init),
                payload: .transfer(transfer)))
    }

    /// An ERC-3009 authorization or a Permit2 signature where an EVM chain has one; what the rail reads itself elsewhere.
    @inline(__always)
    private func schemePayload(
        _ scheme: JSONText, _ network: Network, _ scanner: inout JSONScanner
    ) throws(WireError) -> SchemePayload? {
        guard let payload else { return nil }
        if inner.seen & PaymentField.authorization.bit != 0, network.chainID != nil, scheme.equals("exact") {
            return inner.transfer.map(SchemePayload.transfer)
        }
        scanner.rewind(to: payload)
        let value = try scanner.value()
        // Permit2 has no version 1 form.
        guard version == 2, network.chainID != nil, scheme.equals("exact") || scheme.equals("upto"),
            value[SignedPermit.member] != nil
        else { return .other(value) }
        return SignedPermit(payload: value).map(SchemePayload.permit)
    }
}
