import EVM
import Facilitator
import Ledger
import Primitives
import Synchronization
import X402

/// A rail that asks a network, played by the test.
final class ScriptedRail: Rail {
    private struct Script {
        var verifiesLocally = true
        var verdict: VerifyOutcome?
        var verifyError: RailError?
        var settlements: [SettleOutcome] = []
        var reconciled: SettleOutcome = .unknown(transaction: nil)
        var hasMoved = false
    }

    let id = "scripted"
    let kinds: [SupportedKind]
    let signers: [(pattern: String, signers: [String])] = []
    let settlement = SettlementStyle.remote
    /// Payments that were verified over the network.
    let verifications = Notebook<Payment>()
    let orders = Notebook<SettleOrder>()
    let verifyGate: Gate
    let settleGate: Gate
    private let script: Mutex<Script>

    static let failure = RailError(.timeout, adapter: "scripted", "no answer in time")

    /// - Parameter settlements: The answers to settle in order, the last one again and again.
    init(
        _ settlements: SettleOutcome..., holdsVerify: Bool = false, holdsSettle: Bool = false,
        verifiesLocally: Bool = true
    ) {
        kinds = [(1, "exact"), (2, "exact"), (2, "upto")].map { version, scheme in
            SupportedKind(x402Version: version, scheme: scheme, network: Offers.pattern, extra: [])
        }
        verifyGate = Gate(isOpen: !holdsVerify)
        settleGate = Gate(isOpen: !holdsSettle)
        let fallback = SettleOutcome.settled(transaction: "0xsettled", payer: nil)
        script = Mutex(
            Script(verifiesLocally: verifiesLocally, settlements: settlements.isEmpty ? [fallback] : settlements))
    }

    func refuseVerification(_ reason: ReasonCode) { script.withLock { $0.verdict = .invalid(reason, payer: nil) } }
    func failVerification() { script.withLock { $0.verifyError = Self.failure } }
    func reconcile(to outcome: SettleOutcome) { script.withLock { $0.reconciled = outcome } }

    func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        if case .other(let payload) = payment.payload { return PaymentIdentity(key: SHA256.hash(payload.encoded())) }
        return PaymentIdentity(of: payment, for: requirements)
    }

    func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        script.withLock { $0.verifiesLocally } ? .decided(verdict(on: payment, requirements)) : .needsNetwork
    }

    func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        verifications.note(payment)
        await verifyGate.pass()
        if let error = script.withLock({ $0.verifyError }) { throw error }
        return verdict(on: payment, requirements)
    }

    private func verdict(on payment: Payment, _ requirements: PaymentRequirements) -> VerifyOutcome {
        if let verdict = script.withLock({ $0.verdict }) { return verdict }
        guard let identity = identity(of: payment, for: requirements) else {
            return .invalid(.invalidPayload, payer: nil)
        }
        let payer = if case .transfer(let transfer) = payment.payload { transfer.from.checksummed } else { "payer" }
        return .valid(VerifiedPayment(identity: identity, payer: payer, validBefore: Offers.validBefore))
    }

    func settle(_ order: SettleOrder) async -> SettleOutcome {
        orders.note(order)
        await settleGate.pass()
        return script.withLock { script in
            script.settlements.count > 1 ? script.settlements.removeFirst() : script.settlements[0]
        }
    }

    func move() { script.withLock { $0.hasMoved = true } }

    func hasMoved(_ payment: Payment, for requirements: PaymentRequirements) async throws(RailError) -> Bool {
        script.withLock { $0.hasMoved }
    }

    func reconcile(_ record: PaymentRecord) async -> SettleOutcome { script.withLock { $0.reconciled } }
}
