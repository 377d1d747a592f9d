package import EVM
package import Ledger
package import Primitives
package import Transport
package import X402

/// The offchain rail: a bridge to a payment system with two endpoints of its own.
///
/// The bridge's word is a verdict only as status 200 and the typed body of its contract; everything else is silence.
package final class BridgeRail: Rail {
    package let id: String
    package let kinds: [SupportedKind]
    package let signers: [(pattern: String, signers: [String])]
    package let settlement = SettlementStyle.remote
    private let peer: PeerClient
    private let ledger: any PaymentLedger
    private let settings: BridgeSettings
    private let verifyURL: OutgoingURL
    private let settleURL: OutgoingURL

    /// The ledger keeps which payment a transaction settled.
    package init(
        _ scope: AdapterScope, settings: BridgeSettings, client: OutgoingClient, ledger: any PaymentLedger,
        clock: RailClock
    ) throws(AdapterMistake) {
        guard let base = OutgoingURL(settings.baseURL) else { throw AdapterMistake(scope.id, key: "base_url", .notURL) }
        guard let verify = base.appending(path: settings.verifyPath) else {
            throw AdapterMistake(scope.id, key: "verify_path", .notPath)
        }
        guard let settle = base.appending(path: settings.settlePath) else {
            throw AdapterMistake(scope.id, key: "settle_path", .notPath)
        }
        id = scope.id
        kinds = scope.kinds()
        signers = scope.signersByPattern
        self.settings = settings
        self.ledger = ledger
        verifyURL = verify
        settleURL = settle
        peer = PeerClient(
            adapter: scope.id, client: client, apiKey: settings.apiKey, breaker: settings.breaker, clock: clock)
    }

    package var condition: RailCondition { peer.condition }

    package func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        guard case .other(let payload) = payment.payload else { return nil }
        return settings.fields.identity(of: payload, scheme: requirements.scheme, network: requirements.network)
    }

    package func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        switch OffchainTerms.check(payment, for: requirements, fields: settings.fields) {
        case .refused(let reason): .decided(.invalid(reason, payer: nil))
        case .met: .needsNetwork
        }
    }

    package func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        let terms: OffchainTerms
        switch OffchainTerms.check(payment, for: requirements, fields: settings.fields) {
        case .refused(let reason): return .invalid(reason, payer: nil)
        case .met(let met): terms = met
        }
        let body = BridgeRequest.body(payload: terms.payload, requirements: requirements)
        let call = PeerCall(body: body, mayRepeat: true, timeout: settings.timeout, retry: settings.retry)
        switch await peer.post(verifyURL, call).reply {
        case .notSent(let error), .lost(let error): throw error
        case .answered(let status, let body):
            guard status / 100 == 2 else { throw .status(status, adapter: id) }
            let read = status == 200 ? try? BridgeVerifyAnswer(body) : nil
            peer.report(believed: read != nil)
            guard let answer = read else {
                throw RailError(.malformedAnswer, adapter: id, "the bridge's answer is not that of its contract")
            }
            switch answer {
            case .valid(let payer):
                return .valid(VerifiedPayment(identity: terms.identity, payer: payer, validBefore: nil))
            case .invalid(let reason, let payer): return .invalid(reason, payer: payer)
            }
        }
    }

    package func settle(_ order: SettleOrder) async -> SettleOutcome {
        guard case .other(let payload) = order.payment.payload else { return .refused(.invalidPayload, message: nil) }
        let body = BridgeRequest.body(payload: payload, requirements: order.requirements)
        let call = PeerCall(
            body: body, idempotencyKey: order.identity.publicID, mayRepeat: settings.isIdempotent,
            timeout: settings.timeout, retry: settings.retry)
        let asked = await peer.post(settleURL, call)
        switch asked.reply {
        case .answered(let status, let body) where status / 100 == 2:
            let answer = status == 200 ? try? BridgeSettleAnswer(body) : nil
            peer.report(believed: answer != nil)
            return await outcome(of: answer, for: order)
        case .answered(let status, _) where PeerClient.neverActs(status) && !asked.mayHaveActed:
            return .unavailable(.status(status, adapter: id))
        case .notSent(let error) where !asked.mayHaveActed: return .unavailable(error)
        case .answered, .notSent, .lost: return .unknown(transaction: nil)
        }
    }

    /// What a settle answer says; a transaction that settled another payment moved nothing for this one.
    private func outcome(of answer: BridgeSettleAnswer?, for order: SettleOrder) async -> SettleOutcome {
        switch answer {
        case nil: return .unknown(transaction: nil)
        case .refused(let reason): return .refused(reason, message: nil)
        case .pending(let transaction): return .unknown(transaction: transaction)
        case .settled(let transaction, let payer):
            do {
                let isOurs = try await ledger.claimTransaction(
                    transaction, on: order.requirements.network, for: order.identity)
                return isOurs
                    ? .settled(transaction: transaction, payer: payer)
                    : .refused(.duplicateSettlement, message: "the transaction settled another payment")
            } catch {
                return .unknown(transaction: transaction)
            }
        }
    }

    /// Asks again where the bridge keeps idempotency keys; elsewhere asking could move value twice.
    package func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        guard settings.isIdempotent, let bytes = record.claim.settlement, let blob = SettlementBlob(bytes) else {
            return .unknown(transaction: record.transaction)
        }
        let order = SettleOrder(
            payment: blob.payment, requirements: blob.requirements, identity: record.claim.identity,
            payer: record.claim.payer)
        switch await settle(order) {
        case .unavailable: return .unknown(transaction: record.transaction)
        case .unknown(let transaction): return .unknown(transaction: transaction ?? record.transaction)
        case let outcome: return outcome
        }
    }
}
