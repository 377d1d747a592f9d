import EVM
import Primitives
import X402

/// What a payer agrees to sign.
struct PayerPolicy: Hashable {
    var limit: SpendingLimit
    /// The one network to pay on; nil for any.
    var network: Network?

    /// The first offer that keeps to the rules, or why none does.
    enum Choice {
        case pay(PayableOffer)
        case nothing([Refused])
    }

    struct Refused: Hashable {
        var offer: PaymentRequirements
        var refusal: OfferRefusal
    }

    /// Chooses in the server's order of preference.
    func choose(among challenge: PaymentRequiredAnswer, now: UnixTime) -> Choice {
        var refused: [Refused] = []
        for offer in challenge.offers {
            switch judge(offer, expires: challenge.expires, now: now) {
            case .success(let payable): return .pay(payable)
            case .failure(let refusal): refused.append(Refused(offer: offer, refusal: refusal))
            }
        }
        return .nothing(refused)
    }

    private func judge(
        _ offer: PaymentRequirements, expires: UInt64?, now: UnixTime
    ) -> Result<PayableOffer, OfferRefusal> {
        guard offer.isPayableByTransfer, let chain = offer.network.chainID, let asset = offer.asset.address,
            let payTo = offer.payTo.address
        else { return .failure(.notPayable) }
        if let network, network != offer.network { return .failure(.otherNetwork) }
        let known = AssetCatalogue.asset(offer.asset, on: offer.network)
        guard let name = offer.extra.name ?? known?.name, let version = offer.extra.version ?? known?.version else {
            return .failure(.noDomain)
        }
        switch limit.judge(offer) {
        case .within: break
        case .above: return .failure(.aboveLimit)
        case .unknownAsset: return .failure(.unknownAsset)
        }
        if let expires, Int64(clamping: expires) <= now.seconds { return .failure(.expired) }
        return .success(
            PayableOffer(
                requirements: offer, payTo: payTo,
                domain: TypedDataDomain(name: name, version: version, chainID: chain, verifyingContract: asset),
                expires: expires.map { UnixTime(Int64(clamping: $0)) }))
    }
}

/// An offer that can be signed for, with what the signature needs.
struct PayableOffer: Hashable {
    var requirements: PaymentRequirements
    var payTo: Address
    var domain: TypedDataDomain
    /// When a plain offer ends; the other forms say how long the signature may last.
    var expires: UnixTime?
}
