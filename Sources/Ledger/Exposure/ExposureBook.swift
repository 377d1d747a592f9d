import Primitives

/// Sums over the open payments, and the debts: what a claim is judged by, without asking a store.
///
/// A store feeds it every transition, loads it when it opens, and takes back what it rolls back.
package struct ExposureBook: Sendable {
    private struct Sums {
        /// Open values: the payer has promised this much.
        var pending = AmountSum()
        /// The part of them that is served.
        var served = AmountSum()
    }

    private var payers: [PayerKey: Sums] = [:]
    private var routes: [Exposure.Route: AmountSum] = [:]
    private var debts: [PaymentIdentity: Debt] = [:]
    private var debtors: [String: Int] = [:]
    private var debtorClients: [Bytes32: Int] = [:]

    package init() {}

    /// Takes in a payment that is open, or a debt, when a store opens.
    package mutating func load(_ entry: PaymentEntry) {
        if let exposure = Exposure(entry) { add(exposure) }
    }

    package mutating func load(_ debt: Debt) { insert(debt) }

    /// The debts of a payer, in any order.
    package func debts(of payer: String) -> [Debt] { debts.values.filter { $0.key.payer == payer } }

    /// All debts, oldest first.
    package var allDebts: [Debt] {
        debts.values.sorted {
            ($0.since, $0.identity.publicID) < ($1.since, $1.identity.publicID)
        }
    }
}

// MARK: - Changes

extension ExposureBook {
    /// What a transition changes here, nil where it is nothing; `old` is nil for a new row.
    package func change(from old: PaymentEntry?, to new: PaymentEntry) -> ExposureChange? {
        var change = ExposureChange()
        let before = old.flatMap { Exposure($0) }
        let after = Exposure(new)
        if before != after { (change.removed, change.added) = (before, after) }
        if let old { note(from: old, to: new, in: &change) }
        return change.isEmpty ? nil : change
    }

    /// The change that ends a debt by an operator's word.
    package func forgiveness(of debt: Debt) -> ExposureChange? {
        guard debts[debt.identity] == debt else { return nil }
        var change = ExposureChange()
        change.repaid = debt
        return change
    }

    package mutating func apply(_ change: ExposureChange) {
        if let removed = change.removed { remove(removed) }
        if let added = change.added { add(added) }
        if let repaid = change.repaid { delete(repaid) }
        if let incurred = change.incurred { insert(incurred) }
    }

    /// Takes back a change; changes go back in the reverse of the order in which they came.
    package mutating func revert(_ change: ExposureChange) {
        if let incurred = change.incurred { delete(incurred) }
        if let repaid = change.repaid { insert(repaid) }
        if let added = change.added { remove(added) }
        if let removed = change.removed { add(removed) }
    }

    private func note(from old: PaymentEntry, to new: PaymentEntry, in change: inout ExposureChange) {
        let (value, next) = (old.record.state.value, new.record.state.value)
        guard value != next else { return }
        let claim = new.record.claim
        var settled = 0
        if case .paywall = claim.owner {
            if next == .settled, !value.isTerminal { settled = 1 }
            if value == .settled { settled = -1 }
        }
        let owes = debts[claim.identity]
        if next == .settled { change.repaid = owes }
        // A settlement that was asked for and left the payment owed has failed; so has one that is past hope.
        let hasFailed = next == .writtenOff || (next == .owed && new.record.reason == PaymentEntry.failedSettlement)
        if hasFailed, owes == nil {
            change.incurred = Debt(
                identity: claim.identity, key: PayerKey(claim), client: new.client, amount: new.record.due,
                since: new.record.updatedAt)
        }
        if settled != 0 || change.incurred != nil {
            change.history = ExposureChange.History(
                key: PayerKey(claim), settled: settled, failed: change.incurred == nil ? 0 : 1)
        }
    }

    private mutating func add(_ exposure: Exposure) {
        payers[exposure.key, default: Sums()].pending.add(exposure.amount)
        guard let route = exposure.servedOn else { return }
        payers[exposure.key, default: Sums()].served.add(exposure.amount)
        routes[route, default: AmountSum()].add(exposure.amount)
    }

    private mutating func remove(_ exposure: Exposure) {
        guard var sums = payers[exposure.key] else { return }
        sums.pending.subtract(exposure.amount)
        if exposure.servedOn != nil { sums.served.subtract(exposure.amount) }
        payers[exposure.key] = sums.pending.isZero ? nil : sums
        guard let route = exposure.servedOn, var sum = routes[route] else { return }
        sum.subtract(exposure.amount)
        routes[route] = sum.isZero ? nil : sum
    }

    private mutating func insert(_ debt: Debt) {
        debts[debt.identity] = debt
        debtors[debt.key.payer, default: 0] += 1
        if let client = debt.client { debtorClients[client, default: 0] += 1 }
    }

    private mutating func delete(_ debt: Debt) {
        guard debts.removeValue(forKey: debt.identity) != nil else { return }
        if let count = debtors[debt.key.payer] { debtors[debt.key.payer] = count > 1 ? count - 1 : nil }
        if let client = debt.client, let count = debtorClients[client] {
            debtorClients[client] = count > 1 ? count - 1 : nil
        }
    }
}

// MARK: - Judgement

extension ExposureBook {
    /// Judges a claim that would be granted.
    ///
    /// `settledPayments` looks up the payer's count; it is asked only where a newcomer's rule decides.
    package func verdict<Failure: Error>(
        on request: ReserveRequest, settledPayments: (PayerKey) throws(Failure) -> Int
    ) throws(Failure) -> ExposureVerdict {
        guard let terms = request.exposure else { return .asAsked }
        let key = PayerKey(request.claim)
        let amount = request.claim.amount
        let sums = payers[key] ?? Sums()
        if let balance = terms.balance, !sums.pending.fits(amount, in: balance) { return .overdrawn }
        guard case .forwarding = request.opening else { return .asAsked }
        if debtors[key.payer] != nil { return .settleFirst }
        if let client = request.proof.client, debtorClients[client] != nil { return .settleFirst }
        if let limit = terms.perPayer, !sums.served.fits(amount, in: limit) { return .settleFirst }
        if let limit = terms.total, case .paywall(let binding) = request.claim.owner {
            let route = Exposure.Route(name: binding.route, network: key.network, asset: key.asset)
            if !(routes[route] ?? AmountSum()).fits(amount, in: limit) { return .settleFirst }
        }
        if let rule = terms.newcomer, rule.payments > 0, try settledPayments(key) < rule.payments {
            return .settleFirst
        }
        return .asAsked
    }
}
