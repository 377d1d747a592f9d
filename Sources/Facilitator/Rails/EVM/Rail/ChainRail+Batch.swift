import EVM
import Ledger
import Primitives
import Synchronization
import X402

/// Settling many payments in one transaction.
///
/// A batch is tried out before it is sent; what fails in the trial is left out and looked at by itself. A batch of one goes as
/// a single. What came of each item is read from the events of the transaction, never from its status.
extension ChainRail {
    package func settle(all orders: [SettleOrder]) async -> [SettleOutcome] {
        for order in orders { underWay.enter(order.identity) }
        defer { for order in orders { underWay.leave(order.identity) } }
        var outcomes = [SettleOutcome?](repeating: nil, count: orders.count)
        var items: [BatchItem] = []
        for (index, order) in orders.enumerated() {
            switch await item(order, at: index) {
            case .failure(let settled): outcomes[index] = settled.outcome
            case .success(let item): items.append(item)
            }
        }
        if settings.batchContract == nil { await judge.learnCodes(of: items.map(\.terms.payer)) }
        let together = items.filter(mayShare)
        for (item, outcome) in await alone(all: items.filter { !mayShare($0) }) { outcomes[item.index] = outcome }
        for group in grouped(together) {
            for (item, outcome) in await settle(group) { outcomes[item.index] = outcome }
        }
        return outcomes.map { $0 ?? .unavailable(error(.unavailable, "the payment was not looked at")) }
    }

    /// An item, or what is known of it without sending.
    private struct Decided: Error {
        var outcome: SettleOutcome
    }

    private func item(_ order: SettleOrder, at index: Int) async -> Result<BatchItem, Decided> {
        let known = judge.verifier.knownTerms(of: order.payment, for: order.requirements)
        guard let terms = known?.moving(order.amount) else {
            return .failure(Decided(outcome: .refused(.invalidPayload, message: nil)))
        }
        if case .refused = judge.verifier.terms(of: order.payment, for: order.requirements, now: now()) {
            // Too late for another transaction; the chain's clock says whether it is over.
            return .failure(Decided(outcome: await late(terms, order)))
        }
        do throws(ChainError) {
            switch try await judge.path(of: terms) {
            case .refused(let reason):
                return .failure(Decided(outcome: await afterFailure(reason, terms.key, order.identity)))
            case .found(let path):
                return .success(
                    BatchItem(
                        order: order, terms: terms, path: path, call: SettlementCall(terms, path: path), index: index))
            }
        } catch {
            return .failure(Decided(outcome: .unavailable(RailError(error, adapter: id))))
        }
    }

    private func late(_ terms: TransferTerms, _ order: SettleOrder) async -> SettleOutcome {
        await outcome(of: terms.key, order.identity) { head in
            guard let end = terms.validBefore, head.timestamp >= end.adding(seconds: Self.expiryMargin) else {
                return .unavailable(self.error(.unavailable, "too late to send, too early to say"))
            }
            return .refused(terms.reasons.expired, message: nil)
        }
    }

    /// A transaction of its own; what is too dear alone may go with others, or when gas is cheaper.
    private func alone(_ item: BatchItem) async -> SettleOutcome {
        let outcome = await settle(item.terms, item.order)
        guard case .refused(.notWorthItsGas, _) = outcome else { return outcome }
        return .unavailable(error(.refusedByPolicy, "a payment alone costs more gas than it brings"))
    }

    /// Payments that are settled one by one, but wait for their blocks side by side.
    private static let aloneAtOnce = 16

    private func alone(all items: [BatchItem]) async -> [(BatchItem, SettleOutcome)] {
        await withTaskGroup(of: (BatchItem, SettleOutcome).self) { group in
            var done: [(BatchItem, SettleOutcome)] = []
            for (index, item) in items.enumerated() {
                if index >= Self.aloneAtOnce, let one = await group.next() { done.append(one) }
                group.addTask { (item, await self.alone(item)) }
            }
            for await one in group { done.append(one) }
            return done
        }
    }

    /// Without a gas limit for each item, payers with code could burn the gas of all others; Permit2 has no call for many owners.
    private func mayShare(_ item: BatchItem) -> Bool {
        if item.terms.permit != nil { return false }
        if settings.batchContract != nil { return item.contractItem != nil }
        return item.isKeySigned && judge.codes.hasCode(item.terms.payer, now: clock.now()) == false
    }

    private struct Group: Hashable {
        var token: Address
        var isKeySigned: Bool
    }

    private func grouped(_ items: [BatchItem]) -> [[BatchItem]] {
        Dictionary(grouping: items) { Group(token: $0.terms.asset, isKeySigned: $0.isKeySigned) }.flatMap {
            group, items in
            items.chunks(of: min(settings.maxBatch, BatchContract.capacity(withWallets: !group.isKeySigned)))
        }
    }

    // MARK: One batch

    private func settle(_ items: [BatchItem]) async -> [(BatchItem, SettleOutcome)] {
        if items.count == 1 { return [(items[0], await alone(items[0]))] }
        guard let desk = await pool.choose() else {
            return items.all(.unavailable(error(.unavailable, "no signer has funds for gas")))
        }
        var good: [BatchItem] = []
        var bad: [(item: BatchItem, reason: RevertReason?)] = []
        let seen: UInt64
        switch await tryOut(items, from: desk.address) {
        case .failure(let error): return items.all(.unavailable(error))
        case .success(let trial):
            seen = trial.block
            for (item, trial) in zip(items, trial.items) {
                switch trial {
                case .moves: good.append(item)
                case .fails(let reason): bad.append((item, reason))
                }
            }
        }
        var done = good.count > 1 ? await send(good, desk) : []
        for case (let item, let reason?) in bad {
            done.append((item, await afterRevert(reason, item.terms.key, item.order.identity, since: seen)))
        }
        // Alone, and after the others: what failed beside them may go now, or tells why it does not.
        let single = bad.filter { $0.reason == nil }.map(\.item) + (good.count == 1 ? good : [])
        return done + (await alone(all: single))
    }

    /// What a trial said of each item, at a block that its node has seen.
    private struct BatchTrial: Sendable {
        var items: [BatchCall.Trial]
        var block: UInt64
    }

    private func tryOut(_ items: [BatchItem], from sender: Address) async -> Result<BatchTrial, RailError> {
        let call = batchCall(items)
        do throws(ChainError) {
            let (head, result) = try await chain.ask(
                ChainQuery.head(.latest),
                ChainQuery.call(CallRequest(to: call.target, data: call.data, from: sender)))
            guard let head else { throw ChainError(.unavailable, "the node does not have the block") }
            guard case .returned(let bytes) = result, let trials = call.trials(bytes) else {
                // No contract that settles many: each goes by itself, rather than none.
                return .success(BatchTrial(items: items.map { _ in .fails(nil) }, block: head.number))
            }
            return .success(BatchTrial(items: trials, block: head.number))
        } catch {
            return .failure(RailError(error, adapter: id))
        }
    }

    /// The items share a token.
    private func batchCall(_ items: [BatchItem]) -> BatchCall {
        guard let contract = settings.batchContract, let token = items.first?.terms.asset else {
            return BatchCall(multicall: items)
        }
        return BatchCall(contract: contract, token: token, items: items)
    }

    private func send(_ items: [BatchItem], _ desk: SignerDesk) async -> [(BatchItem, SettleOutcome)] {
        let call = batchCall(items)
        let priced: Pricing
        switch await price(CallRequest(to: call.target, data: call.data, from: desk.address)) {
        case .failure(let error): return items.all(.unavailable(error))
        case .success(.reverted): return items.all(.unavailable(error(.unavailable, "the batch reverted in its trial")))
        case .success(.priced(let found)): priced = found
        }
        if priced.gasLimit > settings.maxBatchGas {
            let half = items.count / 2
            return await settle(Array(items[..<half])) + (await settle(Array(items[half...])))
        }
        guard budget.withLock({ $0.reserve(priced.bound, now: now()) }) else {
            return items.all(.unavailable(error(.refusedByPolicy, "the gas budget of this hour is spent")))
        }
        let depth = items.map { assets[$0.terms.asset]?.depth(of: $0.terms.value) ?? 1 }.max() ?? 1
        let expires = items.compactMap(\.terms.validBefore).max()
        let end = await desk.perform(
            ContractCall(to: call.target, data: call.data, gasLimit: priced.gasLimit, expires: expires),
            fees: priced.fees, depth: depth, timeout: settings.settleTimeout, note: note(items.map(\.order)))
        return await outcomes(of: end, priced, items)
    }

    private func outcomes(
        of end: FlightEnd, _ priced: Pricing, _ items: [BatchItem]
    ) async -> [(BatchItem, SettleOutcome)] {
        switch end {
        case .pending(let hash): return items.all(.unknown(transaction: hash.hex))
        case .notSent(let error):
            budget.withLock { $0.correct(reserved: priced.bound, cost: .zero) }
            return items.all(.unavailable(named(error)))
        case .mined(let receipt):
            correctBudget(priced, receipt)
            var outcomes: [(BatchItem, SettleOutcome)] = []
            for item in items {
                let (transfer, identity) = (item.terms.key, item.order.identity)
                let outcome =
                    receipt.moves(transfer)
                    ? settled(receipt, transfer, identity)
                    : await unmoved(transfer, identity, since: receipt.blockNumber)
                outcomes.append((item, outcome))
            }
            return outcomes
        case .displaced(let block):
            var outcomes: [(BatchItem, SettleOutcome)] = []
            for item in items {
                outcomes.append((item, await unmoved(item.terms.key, item.order.identity, since: block)))
            }
            return outcomes
        }
    }

    /// An item that its transaction did not move: somebody else may have, or it is tried again.
    private func unmoved(
        _ transfer: TransferKey, _ identity: PaymentIdentity, since block: UInt64
    ) async -> SettleOutcome {
        await outcome(of: transfer, identity) { head in
            if head.number < block { return .unknown(transaction: nil) }
            return .unavailable(self.error(.unavailable, "the batch did not move the payment"))
        }
    }
}

extension [BatchItem] {
    fileprivate func all(_ outcome: SettleOutcome) -> [(BatchItem, SettleOutcome)] { map { ($0, outcome) } }
}
