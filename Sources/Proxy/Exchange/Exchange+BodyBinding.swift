import Primitives
import X402

/// What binds a quote to the body that it was made for.
///
/// The signature of a payment covers no body. Version 2 clients repeat `extra` of the offer that they accept, so that a tag in it
/// tells which body was quoted; the other forms repeat nothing, and are bound to the price that the body leads to.
extension Exchange {
    /// The sheet as it is asked for this very body; the same where the body does not decide the price, or is not here whole.
    func bound(_ sheet: OfferSheet) -> OfferSheet {
        guard let tag = bodyTag else { return sheet }
        return sheet.bound(to: tag)
    }

    /// A keyed hash of the body with what else the quote was for.
    private var bodyTag: String? {
        guard let quote, let route, let digest = quote.bodyDigest else { return nil }
        if let tag = quote.bodyTag { return tag }
        var message = loop.shared.addressKey.bytes
        message += "quote\u{0}\(route.name)\u{0}\(methodName)\u{0}".utf8
        message += targetDigest.bytes + digest.bytes
        let tag = Base64.encodeURLSafe(Array(Keccak256.hash(message).bytes.prefix(16)))
        quote.bodyTag = tag
        return tag
    }
}

extension OfferSheet {
    /// The member of `extra` that binds an offer to a body.
    static let bodyTagName = "quote"

    /// The same offers, for one body; once.
    func bound(to tag: String) -> OfferSheet {
        if offers.contains(where: { $0.extra.others.contains { $0.key == Self.bodyTagName } }) { return self }
        return changed { $0.extra.others.append(JSONMember(Self.bodyTagName, .string(tag))) }
    }
}
