import Primitives

/// What a claim makes of the payment that is known under its identity.
package enum ReserveDecision: Hashable, Sendable {
    /// The identity is new: a row is made.
    case insert(PaymentEntry)
    /// The entry takes the place of the old one in its row.
    case replace(PaymentEntry, ReserveOutcome)
    /// Nothing is written.
    case refuse(ReserveOutcome)
}

extension ReserveRequest {
    /// Judges the claim; the only judge, whatever the store.
    ///
    /// | value | service | answer |
    /// |---|---|---|
    /// | none, released, expired | – | granted, or as the exposure says; the row of a former claim is used anew and keeps its first date |
    /// | any other, held by another party | – | used |
    /// | reserved, settling | delivered, or a lease that ran out | used: it may have been served |
    /// | reserved, settling | – | in flight |
    /// | uncertain | delivered | used |
    /// | uncertain | – | pending |
    /// | settled | delivered | used |
    /// | settled | forwarding, lease alive | in flight |
    /// | settled | forwarding, lease ran out | as undelivered under `before`, used under `after` and `batch` |
    /// | settled | unused, undelivered | redelivery, or proof required, or used |
    /// | owed, written off | – | used |
    ///
    /// The paywall is one party, each seller another. A redelivery is for the same route, method and target only, while
    /// redeliveries are left, and for a presenter with proof: the header itself is public once the payment is settled.
    ///
    /// The verdict of the exposure concerns a claim that would be granted, and no other. Where only a claim that is there may be
    /// recalled, none is granted: used.
    package func decide(
        over existing: PaymentEntry?, exposure verdict: ExposureVerdict = .asAsked
    ) -> ReserveDecision {
        guard let existing else {
            if recallsOnly { return .refuse(.used) }
            return verdict == .overdrawn ? .refuse(.overdrawn) : .insert(granted(row: 0, verdict))
        }
        let state = existing.record.state
        switch state.value {
        case .released, .expired:
            if recallsOnly { return .refuse(.used) }
            if verdict == .overdrawn { return .refuse(.overdrawn) }
            var entry = granted(row: existing.record.reference.row, verdict)
            entry.record.createdAt = existing.record.createdAt
            return .replace(entry, verdict.outcome(granting: entry.record.reference))
        case .owed, .writtenOff: return .refuse(.used)
        case .reserved, .settling, .uncertain, .settled: break
        }
        guard existing.record.claim.owner.isSameParty(as: claim.owner), state.service != .delivered else {
            return .refuse(.used)
        }
        let isLeased = existing.record.leaseUntil.map { now < $0 } ?? false
        switch (state.value, state.service) {
        case (.uncertain, _): return .refuse(.pending(transaction: existing.record.transaction))
        case (.settled, .forwarding):
            if isLeased { return .refuse(.inFlight) }
            guard existing.record.claim.timing == .before else { return .refuse(.used) }
            return redeliver(existing, waitingSince: existing.record.leaseUntil)
        case (.settled, _): return redeliver(existing, waitingSince: existing.waitingSince)
        case (_, .forwarding): return .refuse(isLeased ? .inFlight : .used)
        default: return .refuse(.inFlight)
        }
    }

    private func granted(row: Int64, _ verdict: ExposureVerdict) -> PaymentEntry {
        guard verdict == .settleFirst else { return PaymentEntry(granting: self, row: row) }
        var request = self
        request.opening = .settling
        request.claim.timing = .before
        return PaymentEntry(granting: request, row: row)
    }

    private func redeliver(_ existing: PaymentEntry, waitingSince: UnixTime?) -> ReserveDecision {
        guard case .paywall(let binding) = claim.owner, existing.record.claim.owner == .paywall(binding) else {
            return .refuse(.used)
        }
        guard existing.record.redeliveries < redelivery.limit else { return .refuse(.used) }
        guard isProven(against: existing, waitingSince: waitingSince) else { return .refuse(.proofRequired) }
        return redelivered(existing)
    }

    /// The redelivery of a payment to a presenter who may have it.
    func redelivered(_ existing: PaymentEntry) -> ReserveDecision {
        var entry = existing
        entry.record.state.service = .forwarding
        entry.record.redeliveries += 1
        entry.record.leaseUntil = now.adding(seconds: redelivery.leaseSeconds)
        entry.record.updatedAt = now
        entry.client = proof.client ?? existing.client
        let outcome = ReserveOutcome.redelivery(
            entry.record.reference, transaction: entry.record.transaction ?? "", body: entry.record.body)
        return .replace(entry, outcome)
    }

    /// Whether the presenter shows the token of the payment's last answer, or is the client that it waits for.
    func isProven(against existing: PaymentEntry, waitingSince: UnixTime?) -> Bool {
        if Self.equal(proof.grant, existing.grant) { return true }
        guard let waitingSince else { return false }
        let proofEnds = waitingSince.adding(seconds: redelivery.addressProofSeconds)
        return now <= proofEnds && Self.equal(proof.client, existing.client)
    }

    private static func equal(_ shown: Bytes32?, _ kept: Bytes32?) -> Bool {
        guard let shown, let kept else { return false }
        return ConstantTime.equal(shown.bytes, kept.bytes)
    }
}

extension ExposureVerdict {
    /// The answer to a claim that was granted under the verdict.
    package func outcome(granting reference: PaymentReference) -> ReserveOutcome {
        self == .settleFirst ? .settleFirst(reference) : .granted(reference)
    }
}

extension ReserveOutcome {
    /// Whether the claim was made by this request, and by none before.
    package var isGrantedAnew: Bool {
        switch self {
        case .granted, .settleFirst: true
        default: false
        }
    }
}

extension ClaimOwner {
    /// Whether both are the paywall, or the same seller.
    package func isSameParty(as other: ClaimOwner) -> Bool {
        switch (self, other) {
        case (.paywall, .paywall): true
        case (.seller(let binding), .seller(let other)): binding.seller == other.seller
        case (.paywall, .seller), (.seller, .paywall): false
        }
    }
}
