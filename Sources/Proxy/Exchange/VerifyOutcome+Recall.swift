import Facilitator
import Ledger
import X402

extension VerifyOutcome {
    /// The outcome, but for a payment that was used by our own claim: then that claim decides, as for any other repetition.
    ///
    /// Whoever paid and has not been served yet comes back with a nonce that the chain knows. A refusal would show offers, and
    /// the client would pay a second time.
    func recalled(
        _ payment: Payment, for offer: PaymentRequirements, rail: any Rail, ledger: any PaymentLedger
    ) async throws(RailError) -> VerifyOutcome {
        guard case .invalid(.nonceAlreadyUsed, _) = self, let identity = rail.identity(of: payment, for: offer) else {
            return self
        }
        let record: PaymentRecord?
        do throws(LedgerError) {
            record = try await ledger.payment(identity)
        } catch {
            throw RailError(.unavailable, adapter: rail.id, "the ledger cannot say whether it took the payment")
        }
        guard let record, record.state.value != .released, record.state.value != .expired else { return self }
        return .valid(
            VerifiedPayment(identity: identity, payer: record.claim.payer, validBefore: record.claim.validBefore))
    }
}
