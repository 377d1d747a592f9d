import EVM
import Primitives
import X402

extension PaymentOrder {
    /// What would be signed, for people; without a key there is neither payer nor digest.
    func lines(payer: Address?) -> [String] {
        let terms = offer.requirements
        var pairs = TextPairs()
        pairs.add("form", form.word)
        pairs.add("price", AmountText.offer(terms.amount, asset: terms.asset, network: terms.network))
        pairs.add("network", terms.network.name)
        pairs.add("asset", terms.asset.description)
        pairs.add("domain", "\(offer.domain.name.shown()), version \(offer.domain.version.shown())")
        pairs.add("from", payer?.description ?? "(no key)")
        pairs.add("to", authorization.to.description)
        pairs.add("value", authorization.value.description)
        pairs.add("valid after", authorization.validAfter.description)
        pairs.add("valid before", authorization.validBefore.description)
        pairs.add("nonce", authorization.nonce.description)
        pairs.add("digest", payer == nil ? nil : digest.description)
        return pairs.lines()
    }

    func json(payer: Address?) -> JSONValue {
        let terms = offer.requirements
        return .members([
            "form": .string(form.word), "network": .string(terms.network.name),
            "offer": terms.v2JSON,
            "domain": .members([
                "name": .string(offer.domain.name), "version": .string(offer.domain.version),
                "chainId": .integer(offer.domain.chainID),
                "verifyingContract": .string(offer.domain.verifyingContract.description),
            ]),
            "authorization": .members([
                "from": .text(payer?.description), "to": .string(authorization.to.description),
                "value": .string(authorization.value.description),
                "validAfter": .string(authorization.validAfter.description),
                "validBefore": .string(authorization.validBefore.description),
                "nonce": .string(authorization.nonce.description),
            ]),
            "digest": payer == nil ? nil : .string(digest.description),
        ])
    }
}
