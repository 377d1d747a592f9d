package import EVM
package import Ledger
package import Primitives
import Synchronization
package import X402

/// Verify and settle for sellers elsewhere, over the paywall's own rails and ledger.
///
/// What happens to a payment at `/settle`:
///
/// 1. A record that the *same call* made before answers, without asking the rail anew (see `SellerCall.owner`).
/// 2. Otherwise it is verified, then claimed for this seller. The claim opens `settling`, or `settled` on a rail without an
///    outside effect, so the mark is durable before value moves.
/// 3. A claim of anybody else, the paywall included, is final: `duplicate_settlement`, or `nonce_already_used` where the
///    chain would say so. No payment is sold twice, whoever sold it first.
/// 4. The rail settles; its fate is written; the seller is told.
///
/// **Success is told once.** A seller serves on every success it is told, so a replayed header must not get a second one.
/// Telling is the transition to `delivered`, which exactly one call makes. So after `settlement_pending` the official
/// server's one further call gets the success that nobody was told yet, and a copy of the header gets a refusal. A seller that
/// may lose answers sends an `Idempotency-Key`: the same key with the same payment gets the recorded receipt again.
package final class FacilitatorService: Sendable {
    private struct Configuration {
        var registry: AdapterRegistry
        var payToAllowed: Set<Account>?
    }

    let ledger: any PaymentLedger
    let now: @Sendable () -> UnixTime
    private let configuration: Mutex<Configuration>
    /// Payments whose fate this process is asking for, so that it is asked and written once.
    let reconciling = Mutex<Set<PaymentIdentity>>([])

    /// Serves every recipient when `payToAllowed` is nil.
    package init(
        registry: AdapterRegistry, ledger: any PaymentLedger, payToAllowed: Set<Account>? = nil,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.ledger = ledger
        self.now = now
        configuration = Mutex(Configuration(registry: registry, payToAllowed: payToAllowed))
    }

    /// The rails that serve now.
    package var registry: AdapterRegistry { configuration.withLock { $0.registry } }

    /// Takes the adapters and recipients of a new file; calls under way go on with the old ones.
    package func reload(registry: AdapterRegistry, payToAllowed: Set<Account>?) {
        configuration.withLock { $0 = Configuration(registry: registry, payToAllowed: payToAllowed) }
    }

    /// A request, as far as it can be judged without waiting.
    package struct Judgement: Sendable {
        package let request: FacilitatorRequest
        /// What is to move: the requirements' amount as the caller gave it.
        let charge: UInt256
        /// The rail that serves it, where one does.
        package let rail: (any Rail)?
        let verdict: LocalVerdict
    }

    /// Judges on the caller's event loop, with that loop's keys.
    ///
    /// To settle under scheme upto is to name what moves: the payment is judged for the maximum that its payer agreed to.
    package func judge(
        _ request: FacilitatorRequest, isSettling: Bool = false, keys: inout PublicKeyCache
    ) -> Judgement {
        var request = request
        let charge = request.requirements.amount
        if isSettling, let maximum = request.maximum {
            guard charge <= maximum else {
                return Judgement(
                    request: request, charge: charge, rail: nil,
                    verdict: .decided(.invalid(.uptoExceedsAmount, payer: nil)))
            }
            request.requirements.amount = maximum
        }
        let (rail, verdict) = verdict(on: request, keys: &keys)
        return Judgement(request: request, charge: charge, rail: rail, verdict: verdict)
    }

    private func verdict(
        on request: FacilitatorRequest, keys: inout PublicKeyCache
    ) -> (rail: (any Rail)?, verdict: LocalVerdict) {
        let (payment, requirements) = (request.payment, request.requirements)
        let (registry, payToAllowed) = configuration.withLock { ($0.registry, $0.payToAllowed) }
        let version = payment.form.x402Version
        guard let rail = registry.rail(version: version, scheme: requirements.scheme, network: requirements.network)
        else {
            let knowsScheme = registry.serves(scheme: requirements.scheme, version: version)
            return (nil, .decided(.invalid(knowsScheme ? .invalidNetwork : .unsupportedScheme, payer: nil)))
        }
        if let payToAllowed, !payToAllowed.contains(requirements.payTo) {
            return (rail, .decided(.invalid(.invalidPaymentRequirements, payer: nil)))
        }
        let verdict = rail.verifyLocally(payment, for: requirements, now: now(), keys: &keys)
        if case .decided(.invalid) = verdict { return (rail, verdict) }
        guard payment.echoes(requirements) else {
            return (rail, .decided(.invalid(.invalidPaymentRequirements, payer: nil)))
        }
        return (rail, verdict)
    }

    /// Answers `/verify`: valid only if nobody has claimed the payment.
    package func verify(_ judgement: Judgement) async -> ServiceReply<VerifyAnswer> {
        let outcome: VerifyOutcome
        do { outcome = try await self.outcome(of: judgement) } catch { return .unavailable(Unavailability(error)) }
        switch outcome {
        case .invalid(let reason, let payer):
            return .answer(VerifyAnswer(isValid: false, invalidReason: reason, payer: payer))
        case .valid(let verified):
            do {
                if let record = try await ledger.payment(verified.identity), let reason = record.refusal {
                    return .answer(VerifyAnswer(isValid: false, invalidReason: reason, payer: verified.payer))
                }
                return .answer(VerifyAnswer(isValid: true, payer: verified.payer))
            } catch {
                return .unavailable(Unavailability(part: "ledger", code: error.code.rawValue))
            }
        }
    }

    /// The verdict, after asking the rail where that is needed.
    func outcome(of judgement: Judgement) async throws(RailError) -> VerifyOutcome {
        switch judgement.verdict {
        case .decided(let outcome): return outcome
        case .needsNetwork:
            guard let rail = judgement.rail else { return .invalid(.unsupportedScheme, payer: nil) }
            let request = judgement.request
            return try await rail.verify(request.payment, for: request.requirements, now: now())
        }
    }
}

extension FacilitatorRequest {
    /// The most that the payer of a payment under scheme upto agreed to; nil under any other.
    fileprivate var maximum: UInt256? {
        guard requirements.scheme == "upto", case .permit(let permit) = payment.payload else { return nil }
        return permit.amount
    }
}

extension PaymentRecord {
    /// Why the payment cannot be taken again, nil when it can.
    ///
    /// The chain would call a settled transfer's nonce used; everything else is a duplicate.
    var refusal: ReasonCode? {
        switch state.value {
        case .released, .expired: nil
        case .settled: claim.network.chainID == nil ? .duplicateSettlement : .nonceAlreadyUsed
        case .reserved, .settling, .uncertain, .owed, .writtenOff: .duplicateSettlement
        }
    }
}
