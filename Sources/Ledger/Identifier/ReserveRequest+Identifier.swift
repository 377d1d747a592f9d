import Primitives

extension ReserveRequest {
    /// Judges a claim whose id is remembered, over the payment that it was used with; nil where the claim alone decides.
    ///
    /// | what the id was used with | answer |
    /// |---|---|
    /// | released, expired, written off, or unknown by now | the claim alone decides, and has the id from then on |
    /// | another fingerprint | conflict |
    /// | reserved, settling, settled and forwarding, within its lease | in flight |
    /// | uncertain | pending |
    /// | served | the kept answer, or that it is not kept |
    /// | settled and not served | redelivery of that payment, while redeliveries are left |
    ///
    /// The same payment is judged as without an id, and needs proof for the answer: its header may be known to others. Another
    /// payment is proof by itself where it could be claimed now, since only the payer can have signed it; it is not used.
    ///
    /// `own` is what is known of the payment that the claim is for.
    package func decide(
        identifier entry: IdentifierEntry, holder: PaymentEntry?, own: PaymentEntry?
    ) -> ReserveDecision? {
        guard let identifier else { return nil }
        guard let holder, holder.record.claim.owner.isSameParty(as: claim.owner) else { return nil }
        if holder.cameToNothing { return nil }
        guard entry.fingerprint == identifier.fingerprint else { return .refuse(.identifierRefused(.conflict)) }
        if entry.payment == claim.identity { return again(holder, entry.answer) }
        if let refusal = refusal(over: own) { return .refuse(refusal) }
        return instead(of: holder, entry.answer)
    }

    /// The same payment again.
    private func again(_ holder: PaymentEntry, _ answer: KeptAnswer?) -> ReserveDecision {
        let decision = decide(over: holder)
        guard decision == .refuse(.used) else { return decision }
        return isProven(against: holder, waitingSince: holder.waitingSince ?? holder.record.updatedAt)
            ? answered(answer) : .refuse(.identifierRefused(.answered))
    }

    /// Why another payment is no proof of its payer; nil where it is.
    private func refusal(over own: PaymentEntry?) -> ReserveOutcome? {
        switch decide(over: own) {
        case .insert: nil
        case .replace(_, let outcome): outcome.isGrantedAnew ? nil : .used
        case .refuse(let outcome): outcome
        }
    }

    private func instead(of holder: PaymentEntry, _ answer: KeptAnswer?) -> ReserveDecision {
        let record = holder.record
        let isLeased = record.leaseUntil.map { now < $0 } ?? false
        switch (record.state.value, record.state.service) {
        case (.uncertain, _): return .refuse(.pending(transaction: record.transaction))
        case (_, .delivered): return answered(answer)
        case (_, .forwarding) where isLeased: return .refuse(.inFlight)
        case (.settled, .forwarding) where record.claim.timing == .before: return redeliverProven(holder)
        case (.settled, .unused), (.settled, .undelivered): return redeliverProven(holder)
        case (_, .forwarding), (.owed, _): return answered(answer)
        default: return .refuse(.inFlight)
        }
    }

    private func redeliverProven(_ holder: PaymentEntry) -> ReserveDecision {
        guard holder.record.redeliveries < redelivery.limit else { return answered(nil) }
        return redelivered(holder)
    }

    private func answered(_ answer: KeptAnswer?) -> ReserveDecision {
        .refuse(answer.map(ReserveOutcome.answered) ?? .identifierRefused(.answered))
    }
}

extension PaymentEntry {
    /// Whether nothing was paid and nothing will be: the id that came with it is free.
    package var cameToNothing: Bool {
        switch record.state.value {
        case .released, .expired, .writtenOff: true
        case .reserved, .settling, .uncertain, .settled, .owed: false
        }
    }
}
