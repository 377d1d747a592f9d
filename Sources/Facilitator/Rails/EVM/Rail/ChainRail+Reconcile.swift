import EVM
package import Ledger
import Primitives
package import X402

/// Finding out what became of a payment, and going on with it.
extension ChainRail {
    /// How long past its end an authorization must be on the chain's clock before it counts as expired.
    static let expiryMargin = FateFinder.expiryMargin

    /// Asks nonce and events; a payment that nobody has moved is sent again while its time lasts.
    package func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        guard let bytes = record.claim.settlement, let blob = SettlementBlob(bytes),
            let terms = judge.verifier.knownTerms(of: blob.payment, for: blob.requirements)?.moving(record.due)
        else { return .unknown(transaction: record.transaction) }
        guard underWay.enterAlone(record.claim.identity) else { return .unknown(transaction: record.transaction) }
        defer { underWay.leave(record.claim.identity) }
        if let name = record.transaction, let hash = Bytes32(hex: name), let newest = await pool.pending(hash) {
            return .unknown(transaction: newest.hex)
        }
        let order = SettleOrder(
            payment: blob.payment, requirements: blob.requirements, identity: record.claim.identity,
            payer: record.claim.payer, amount: record.due, reference: record.reference)
        let outcome = await outcome(of: terms.key, order.identity) { head in
            await self.goOn(with: terms, order, record, head: head)
        }
        if case .unknown(nil) = outcome { return .unknown(transaction: record.transaction) }
        return outcome
    }

    private func goOn(
        with terms: TransferTerms, _ order: SettleOrder, _ record: PaymentRecord, head: BlockHead
    ) async -> SettleOutcome {
        if let end = terms.validBefore, head.timestamp >= end.adding(seconds: Self.expiryMargin) {
            return .refused(terms.reasons.expired, message: nil)
        }
        // What was served is the batcher's to settle; here it is only known that nothing has moved.
        if record.state.value == .owed { return .unavailable(error(.unavailable, "not settled yet")) }
        if case .refused = judge.verifier.terms(of: order.payment, for: order.requirements, now: now()) {
            // No time for another transaction: only the chain's clock proves that it is over.
            return .unknown(transaction: record.transaction)
        }
        let outcome = await settle(terms, order)
        guard case .refused(let reason, _) = outcome, !reason.saysUsed else { return outcome }
        if record.hasBeenServed, reason.mayPass { return .unavailable(error(.unavailable, "not settled yet")) }
        // An earlier transaction may wait in some pool: until the payment's time is over it may still move the value.
        return record.transaction == nil ? outcome : .unknown(transaction: record.transaction)
    }

    /// By the token's events, and not by one of `known_settlers`: there it was sold.
    package func hasMoved(
        _ payment: Payment, for requirements: PaymentRequirements
    ) async throws(RailError) -> Bool {
        guard let terms = judge.verifier.knownTerms(of: payment, for: requirements) else { return false }
        do {
            guard case .moved(let moved) = try await fates.fate(of: terms.key) else { return false }
            return !settings.knownSettlers.contains(moved.sender)
        } catch {
            throw RailError(error, adapter: id)
        }
    }

    /// Payments whose settlement a reorganisation has undone; told until they are settled anew, for the ledger may fail to
    /// write it.
    package func disproved() async -> [PaymentIdentity] {
        let watched = recent.all
        guard !watched.isEmpty else { return [] }
        var gone: Set<PaymentIdentity> = []
        for group in watched.chunks(of: 50) {
            let calls = ChainQuery.all(group.map { ChainQuery.receipt(of: $0.transaction) })
            guard let (head, receipts) = try? await chain.ask(ChainQuery.head(.latest), calls), let head else { break }
            for (settlement, receipt) in zip(group, receipts) {
                if let receipt, receipt.moves(settlement.transfer) {
                    let depth = head.number >= receipt.blockNumber ? head.number - receipt.blockNumber : 0
                    if depth > RecentSettlements.watchedBlocks { recent.forget(settlement) }
                } else if await isLost(settlement, head: head.number) {
                    gone.insert(settlement.identity)
                }
            }
        }
        return Array(gone)
    }

    /// Whether the value is certainly back with its payer; what cannot be told now is asked again.
    ///
    /// What is lost stays watched for as long as any other settlement: until it is made again it is told again.
    private func isLost(_ settlement: RecentSettlements.Settlement, head: UInt64) async -> Bool {
        let isOld = head > settlement.blockNumber.addingWithLimit(RecentSettlements.watchedBlocks)
        switch try? await fates.fate(of: settlement.transfer) {
        case .unused(let seen)?:
            // A node that is behind has no receipt either: the nonce decides, at a block as high as the settlement's.
            guard seen.number >= settlement.blockNumber else { return false }
            if isOld { recent.forget(settlement) }
            return true
        case .moved(let moved)?:
            // Another transaction moved it; that one is watched from here on.
            var next = settlement
            next.transaction = moved.transaction
            next.blockNumber = moved.blockNumber
            recent.watch(next)
            return false
        case .spentOtherwise?:
            if isOld { recent.forget(settlement) }
            return true
        case .unexplained?, nil: return false
        }
    }
}

extension PaymentRecord {
    /// Whether what the payment is for has been given away.
    var hasBeenServed: Bool { state.service == .delivered || claim.timing != .before && state.service == .forwarding }
}

extension ReasonCode {
    /// Whether the payer can still make it good.
    var mayPass: Bool {
        [
            .insufficientBalance, .permitInsufficientBalance, .permitAllowanceRequired, .transactionFailed,
            .uptoTransactionFailed, .validAfter, .permitNotYetValid,
        ].contains(self)
    }
}

extension Array {
    /// The elements in groups of that many.
    func chunks(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}
