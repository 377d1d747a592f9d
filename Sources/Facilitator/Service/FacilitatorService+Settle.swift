import EVM
import Ledger
import Primitives
import Synchronization
package import X402

extension FacilitatorService {
    /// Answers `/settle`; runs to its end whether or not the caller still listens.
    package func settle(_ judgement: Judgement, for seller: SellerCall) async -> ServiceReply<SettleAnswer> {
        let sale = Sale(judgement.request, charge: judgement.charge, seller: seller)
        do {
            if let rail = judgement.rail, let identity = rail.identity(of: sale.payment, for: sale.requirements),
                let record = try await ledger.payment(identity), sale.made(record),
                let answer = try await answer(sale, from: record)
            {
                return answer
            }
            switch try await outcome(of: judgement) {
            case .invalid(let reason, let payer): return .answer(sale.failure(reason, payer: payer))
            case .valid(let verified):
                guard let rail = judgement.rail else { return .answer(sale.failure(.unsupportedScheme)) }
                if sale.charge == .zero { return try await chargeNothing(sale, verified, rail: rail) }
                return try await claim(sale, verified: verified, rail: rail)
            }
        } catch let error as RailError {
            return .unavailable(Unavailability(error))
        } catch let error as LedgerError {
            return .unavailable(Unavailability(part: "ledger", code: error.code.rawValue))
        } catch {
            return .unavailable(Unavailability(part: "facilitator", code: "unexpected"))
        }
    }

    /// Nothing is due, so nothing moves: the claim is let go of at once, and the payment stays good while its time lasts.
    private func chargeNothing(
        _ sale: Sale, _ verified: VerifiedPayment, rail: any Rail
    ) async throws(LedgerError) -> ServiceReply<SettleAnswer> {
        let claim = sale.claim(verified, rail: rail)
        guard
            case .granted(let reference) = try await ledger.claim(
                ReserveRequest(claim: claim, opening: .reserved, now: now()))
        else {
            let record = try await ledger.payment(verified.identity)
            return .answer(sale.failure(record?.refusal ?? .duplicateSettlement, payer: verified.payer))
        }
        _ = try await ledger.record(.released(reason: "nothing was charged"), of: reference, now: now())
        return .answer(sale.success(transaction: "", payer: verified.payer))
    }

    private func claim(
        _ sale: Sale, verified: VerifiedPayment, rail: any Rail
    ) async throws(LedgerError) -> ServiceReply<SettleAnswer> {
        let opening: ClaimOpening
        switch rail.settlement {
        case .local(let prefix):
            let transaction = LocalSettlement.transaction(prefix: prefix, identity: verified.identity)
            opening = .settled(transaction: transaction, forwardingUntil: nil)
        case .remote: opening = .settling
        }
        let claim = sale.claim(verified, rail: rail)
        let exposure = verified.balance.map { ExposureTerms(balance: $0) }
        var request = ReserveRequest(claim: claim, opening: opening, now: now(), exposure: exposure)
        request.identifier = sale.identifier(of: verified.payer, now: request.now)
        switch try await ledger.claim(request) {
        case .granted(let reference), .settleFirst(let reference):
            if case .settled(let transaction, _) = opening {
                return try await tell(sale, reference, transaction: transaction, payer: verified.payer)
            }
            let order = SettleOrder(
                payment: sale.payment, requirements: sale.requirements, identity: verified.identity,
                payer: verified.payer, amount: sale.charge, reference: reference)
            let outcome = await rail.settle(order)
            return await write(outcome, of: sale, reference, payer: verified.payer)
        case .identifierRefused(.conflict): return .answer(sale.failure(.identifierConflict, payer: verified.payer))
        case .identifierRefused(.full):
            return .unavailable(Unavailability(part: "ledger", code: LedgerError.Code.full.rawValue))
        case .overdrawn: return .answer(sale.failure(.insufficientBalance, payer: verified.payer))
        case .redelivery, .inFlight, .pending, .used, .proofRequired, .answered, .identifierRefused(.answered):
            guard let record = try await ledger.payment(verified.identity) else {
                return .answer(sale.failure(.duplicateSettlement, payer: verified.payer))
            }
            if sale.made(record), let answer = try await answer(sale, from: record) { return answer }
            return .answer(sale.failure(record.refusal ?? .duplicateSettlement, payer: verified.payer))
        }
    }

    /// Writes what became of a settlement, then tells.
    private func write(
        _ outcome: SettleOutcome, of sale: Sale, _ reference: PaymentReference, payer: String
    ) async -> ServiceReply<SettleAnswer> {
        do {
            switch outcome {
            case .settled(let transaction, let settledPayer):
                _ = try await ledger.record(
                    .settled(transaction: transaction, forwardingUntil: nil), of: reference, now: now())
                return try await tell(sale, reference, transaction: transaction, payer: settledPayer ?? payer)
            case .refused(let reason, let message):
                _ = try await ledger.record(.released(reason: reason.rawValue), of: reference, now: now())
                return .answer(sale.failure(reason, message: message, payer: payer))
            case .unknown(let transaction):
                _ = try await ledger.record(.uncertain(transaction: transaction), of: reference, now: now())
                return .answer(sale.pending(transaction: transaction, payer: payer))
            case .unavailable(let error):
                _ = try await ledger.record(.released(reason: error.code.rawValue), of: reference, now: now())
                return .unavailable(Unavailability(error))
            }
        } catch {
            // The claim stays as it is durable, `settling`, and a restart makes it uncertain: never a failure, which would
            // make the payer sign again.
            return .answer(sale.pending(transaction: outcome.transaction, payer: payer))
        }
    }

    /// Tells the success of a settled payment, once.
    private func tell(
        _ sale: Sale, _ reference: PaymentReference, transaction: String, payer: String
    ) async throws(LedgerError) -> ServiceReply<SettleAnswer> {
        switch try await ledger.record(.delivered, of: reference, now: now()) {
        case .applied: return .answer(sale.success(transaction: transaction, payer: payer))
        case .refused(let state) where state.value == .settled && sale.seller.idempotencyKey != nil:
            return .answer(sale.success(transaction: transaction, payer: payer))
        case .refused(let state) where state.value == .settled:
            return .answer(sale.failure(sale.usedReason, payer: payer))
        case .refused, .unknownPayment:
            return .answer(sale.pending(transaction: transaction, payer: payer))
        }
    }

    /// The answer to a call that made the record before; nil when the payment is free to be claimed again.
    private func answer(
        _ sale: Sale, from record: PaymentRecord
    ) async throws(LedgerError) -> ServiceReply<SettleAnswer>? {
        let payer = record.claim.payer
        switch record.state.value {
        case .released, .expired: return nil
        case .settled:
            return try await tell(sale, record.reference, transaction: record.transaction ?? "", payer: payer)
        case .uncertain: return try await reconcile(sale, record)
        case .reserved, .settling: return .answer(sale.pending(transaction: record.transaction, payer: payer))
        case .owed, .writtenOff: return .answer(sale.failure(.duplicateSettlement, payer: payer))
        }
    }

    /// Asks the rail what became of a payment; one call at a time, the others hear that it is pending.
    private func reconcile(
        _ sale: Sale, _ record: PaymentRecord
    ) async throws(LedgerError) -> ServiceReply<SettleAnswer> {
        let payer = record.claim.payer
        let isFirst = reconciling.withLock { $0.insert(record.claim.identity).inserted }
        guard isFirst, let rail = registry.rail(id: record.claim.adapter) else {
            if isFirst { reconciling.withLock { _ = $0.remove(record.claim.identity) } }
            return .answer(sale.pending(transaction: record.transaction, payer: payer))
        }
        defer { reconciling.withLock { _ = $0.remove(record.claim.identity) } }
        // Read again: it may have been decided between the first reading and this call's turn.
        guard let current = try await ledger.payment(record.claim.identity), current.state.value == .uncertain,
            current.claim.owner == record.claim.owner
        else { return .answer(sale.pending(transaction: record.transaction, payer: payer)) }
        let outcome = await rail.reconcile(current)
        switch outcome {
        case .unavailable, .unknown:
            return .answer(sale.pending(transaction: outcome.transaction ?? current.transaction, payer: payer))
        case .settled, .refused: return await write(outcome, of: sale, record.reference, payer: payer)
        }
    }
}

extension SettleOutcome {
    /// The transaction that the outcome names.
    fileprivate var transaction: String? {
        switch self {
        case .settled(let transaction, _): transaction
        case .unknown(let transaction): transaction
        case .refused, .unavailable: nil
        }
    }
}
