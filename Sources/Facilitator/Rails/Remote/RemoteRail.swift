package import EVM
package import Ledger
package import Primitives
package import Transport
package import X402

/// Another x402 facilitator as a rail, for transfers by ERC-3009 and by Permit2 under scheme exact.
///
/// The terms are checked here before anyone is asked, and the identity is our own, so that the other side's word decides on
/// signature, chain and settlement only.
package final class RemoteRail: Rail {
    package let id: String
    package let kinds: [SupportedKind]
    package let signers: [(pattern: String, signers: [String])]
    package let settlement = SettlementStyle.remote
    private let peer: PeerClient
    private let verifier: TransferVerifier
    private let settings: RemoteSettings
    private let verifyURL: OutgoingURL
    private let settleURL: OutgoingURL
    private let supportedURL: OutgoingURL

    package init(
        _ scope: AdapterScope, settings: RemoteSettings, client: OutgoingClient, clock: RailClock
    ) throws(AdapterMistake) {
        guard let base = OutgoingURL(settings.url), let verify = base.appending(path: "/verify"),
            let settle = base.appending(path: "/settle"), let supported = base.appending(path: "/supported")
        else { throw AdapterMistake(scope.id, key: "url", .notURL) }
        id = scope.id
        kinds = scope.kinds()
        signers = scope.signersByPattern
        self.settings = settings
        verifier = TransferVerifier(policy: settings.policy)
        verifyURL = verify
        settleURL = settle
        supportedURL = supported
        peer = PeerClient(
            adapter: scope.id, client: client, apiKey: settings.apiKey, breaker: settings.breaker, clock: clock)
    }

    package var condition: RailCondition { peer.condition }

    package func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        PaymentIdentity(of: payment, for: requirements)
    }

    package func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        switch verifier.terms(of: payment, for: requirements, now: now) {
        case .refused(let reason, let payer): .decided(.invalid(reason, payer: payer?.checksummed))
        case .met: .needsNetwork
        }
    }

    package func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        let terms: TransferTerms
        switch verifier.terms(of: payment, for: requirements, now: now) {
        case .refused(let reason, let payer): return .invalid(reason, payer: payer?.checksummed)
        case .met(let met): terms = met
        }
        let request = RemoteRequest.body(payment: payment, requirements: requirements)
        let call = PeerCall(body: request, mayRepeat: true, timeout: settings.timeout)
        switch await peer.post(verifyURL, call).reply {
        case .notSent(let error), .lost(let error): throw error
        case .answered(let status, let body):
            let verdict = RemoteVerdict(verify: body, status: status, payer: terms.payer)
            if status / 100 == 2 { peer.report(believed: verdict != nil) }
            switch verdict {
            case .valid: return .valid(terms.verified)
            case .invalid(let reason): return .invalid(reason, payer: terms.payer.checksummed)
            case nil where status / 100 == 2:
                throw RailError(.malformedAnswer, adapter: id, "the facilitator's answer is not a verdict")
            case nil: throw .status(status, adapter: id)
            }
        }
    }

    package func settle(_ order: SettleOrder) async -> SettleOutcome {
        let body = RemoteRequest.body(payment: order.payment, requirements: order.requirements)
        let call = PeerCall(
            body: body, idempotencyKey: order.identity.publicID, mayRepeat: false, timeout: settings.settleTimeout)
        let asked = await peer.post(settleURL, call)
        switch asked.reply {
        case .notSent(let error): return .unavailable(error)
        case .lost: return .unknown(transaction: nil)
        case .answered(let status, let body):
            let settlement = RemoteSettlement.outcome(of: body, status: status, order: order)
            if status / 100 == 2 { peer.report(believed: settlement.isBelieved) }
            switch settlement {
            case .verdict(let outcome): return outcome
            case .notActed: return .unavailable(.status(status, adapter: id))
            case .unbelievable(let transaction): return .unknown(transaction: transaction)
            }
        }
    }

    /// Asks once more, as the official server does after `settlement_pending`: a nonce pays once, so nothing moves twice.
    ///
    /// Only success decides. A refusal may come from the first attempt having paid (the nonce is used then), so it proves
    /// nothing.
    package func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        guard let bytes = record.claim.settlement, let blob = SettlementBlob(bytes) else {
            return .unknown(transaction: record.transaction)
        }
        let order = SettleOrder(
            payment: blob.payment, requirements: blob.requirements, identity: record.claim.identity,
            payer: record.claim.payer)
        switch await settle(order) {
        case .settled(let transaction, let payer): return .settled(transaction: transaction, payer: payer)
        case .unknown(let transaction): return .unknown(transaction: transaction ?? record.transaction)
        case .refused, .unavailable: return .unknown(transaction: record.transaction)
        }
    }

    package var canBeProbed: Bool { true }

    package func probe() async { _ = try? await fetchSupported() }

    /// What the other side says that it serves.
    package func fetchSupported() async throws(RailError) -> SupportedAnswer {
        switch await peer.get(supportedURL, timeout: settings.timeout) {
        case .notSent(let error), .lost(let error): throw error
        case .answered(let status, let body):
            guard status / 100 == 2 else { throw .status(status, adapter: id) }
            let read = body.withUnsafeBytes { bytes in
                Result { () throws(WireError) in try SupportedAnswer.parse(bytes) }
            }
            guard case .success(let answer) = read, status == 200 else {
                peer.report(believed: false)
                throw RailError(.malformedAnswer, adapter: id, "the facilitator's list cannot be read")
            }
            peer.report(believed: true)
            return answer
        }
    }
}
