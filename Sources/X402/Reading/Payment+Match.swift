import Primitives

extension Payment {
    /// Finds the offer of ours that the payment is for; what it says of amounts is compared, never believed.
    ///
    /// Version 2 as servers of 2.x do, but for the case of addresses and the timeout; version 1 by scheme and network,
    /// and by what was signed where that leaves several; the plain form by chain and asset, which it may leave out
    /// where only one offer can be meant.
    package func match(_ offers: [PaymentRequirements]) -> OfferMatch {
        switch form {
        case .v2: matchVersion2(offers)
        case .v1: matchVersion1(offers)
        case .plain: matchPlain(offers)
        }
    }

    private func matchVersion2(_ offers: [PaymentRequirements]) -> OfferMatch {
        guard let accepted else { return .none(.noMatchingOffer) }
        for (index, offer) in offers.enumerated() where offer.scheme == scheme && offer.network == network {
            guard offer.amount == accepted.amount, offer.asset == accepted.asset, offer.payTo == accepted.payTo else {
                continue
            }
            if offer.extra.isContained(in: accepted.extra) { return .offer(index) }
        }
        return .none(mismatch(offers))
    }

    private func matchVersion1(_ offers: [PaymentRequirements]) -> OfferMatch {
        let isTransfer = if case .transfer = payload { true } else { false }
        let match = best(offers) { offer in
            offer.scheme == scheme && offer.network == network && (!isTransfer || offer.isPayableByTransfer)
        }
        return match ?? .none(mismatch(offers))
    }

    private func matchPlain(_ offers: [PaymentRequirements]) -> OfferMatch {
        let candidates = offers.indices.filter { offers[$0].isPayableByTransfer }
        if candidates.count > 1, network == nil || asset == nil { return .ambiguous }
        let match = best(offers) { offer in
            offer.isPayableByTransfer && (network ?? offer.network) == offer.network
                && (asset ?? offer.asset) == offer.asset
        }
        return match ?? .none(mismatch(offers))
    }

    /// The first candidate that the signed recipient and value fit, else the first candidate.
    private func best(_ offers: [PaymentRequirements], where isCandidate: (PaymentRequirements) -> Bool) -> OfferMatch?
    {
        guard let first = offers.firstIndex(where: isCandidate) else { return nil }
        guard case .transfer(let transfer) = payload else { return .offer(first) }
        let signed = offers[first...].firstIndex {
            isCandidate($0) && $0.payTo == .address(transfer.to) && $0.amount == transfer.value
        }
        return .offer(signed ?? first)
    }

    private func mismatch(_ offers: [PaymentRequirements]) -> ReasonCode {
        guard let network else { return .noMatchingOffer }
        return offers.contains { $0.network == network } ? .noMatchingOffer : .networkMismatch
    }
}

extension OfferExtra {
    /// Whether every member is in `other` too, with the same value; objects may have more members there.
    package func isContained(in other: OfferExtra) -> Bool {
        if name != nil, name != other.name { return false }
        if version != nil, version != other.version { return false }
        return others.allSatisfy { member in
            other.others.contains { $0.key == member.key && member.value.isContained(in: $0.value) }
        }
    }
}

extension JSONValue {
    /// Objects may have more members in `other`; all else must be equal.
    fileprivate func isContained(in other: JSONValue) -> Bool {
        guard case .object(let members) = self else { return self == other }
        guard case .object(let others) = other else { return false }
        return members.allSatisfy { member in
            others.contains { $0.key == member.key && member.value.isContained(in: $0.value) }
        }
    }
}
