import Facilitator
import Ledger
import X402

extension VerifyOutcome {
    /// Whether the verdict is one that a payment of ours gets when it comes back: used, or too late by now.
    var mayBeKnown: Bool {
        switch self {
        case .invalid(let reason, _): reason.saysUsed || reason.saysExpired
        case .valid: false
        }
    }

    /// The outcome, but for a payment that our own claim has taken: then that claim decides, as for any other repetition.
    ///
    /// Whoever paid and has not been served yet comes back with a nonce that the chain knows, perhaps after its time. A refusal
    /// would show offers, and the client would pay a second time. That the presenter is who paid, the claim looks after.
    func recalled(
        _ payment: Payment, for offer: PaymentRequirements, rail: any Rail, ledger: any PaymentLedger
    ) async throws(RailError) -> VerifyOutcome {
        guard mayBeKnown, let identity = rail.identity(of: payment, for: offer) else { return self }
        let record: PaymentRecord?
        do throws(LedgerError) {
            record = try await ledger.payment(identity)
        } catch {
            throw RailError(.unavailable, adapter: rail.id, "the ledger cannot say whether it took the payment")
        }
        guard let record, record.state.value != .expired else { return self }
        if record.state.value == .released, try await !hasPaidAfterRelease(record, payment, offer, rail) { return self }
        // Its time has no bearing on a claim that is there already.
        var verified = VerifiedPayment(identity: identity, payer: record.claim.payer, validBefore: nil)
        verified.isRecalled = record.state.value != .released
        return .valid(verified)
    }

    /// Whether a payment that was sent, failed and was let go of has paid us after all.
    ///
    /// Whoever saw it may send it again. Its payer claims it anew, and settling finds it settled.
    private func hasPaidAfterRelease(
        _ record: PaymentRecord, _ payment: Payment, _ offer: PaymentRequirements, _ rail: any Rail
    ) async throws(RailError) -> Bool {
        guard case .invalid(let reason, _) = self, reason.saysUsed, record.transaction != nil,
            case .paywall = record.claim.owner
        else { return false }
        return try await rail.hasMoved(payment, for: offer)
    }
}
