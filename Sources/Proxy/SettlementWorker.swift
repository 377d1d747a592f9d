package import Facilitator
package import Ledger
package import Logging
package import Primitives
import X402

/// Brings payments whose fate is open to their end: after a crash before the listeners open, and from then on regularly.
///
/// It asks the rail that took the payment; what no rail can tell stays `uncertain` until an operator resolves it.
package struct SettlementWorker: Sendable {
    private let ledger: any PaymentLedger
    private let rail: @Sendable (String) -> (any Rail)?
    private let rails: @Sendable () -> [any Rail]
    private let now: @Sendable () -> UnixTime
    private let logger: Logger
    private let backlog: TransitionBacklog

    /// - Parameters:
    ///   - rail: Finds an adapter by its id, in the file in force.
    ///   - rails: All adapters of the file in force.
    ///   - backlog: What the paywall could not write; repeated at the beginning of each pass.
    package init(
        ledger: any PaymentLedger, rail: @escaping @Sendable (String) -> (any Rail)?,
        rails: @escaping @Sendable () -> [any Rail] = { [] },
        now: @escaping @Sendable () -> UnixTime, logger: Logger, backlog: TransitionBacklog = TransitionBacklog()
    ) {
        self.backlog = backlog
        self.ledger = ledger
        self.rail = rail
        self.rails = rails
        self.now = now
        self.logger = logger
    }

    /// Ends what a crash left open, as far as the rails can tell.
    package func recover() async throws(LedgerError) {
        let open = try await ledger.recover(now: now())
        if !open.isEmpty {
            logger.warning("payments with an open fate", metadata: ["count": "\(open.count)"])
        }
        await resolve(open)
        try await watchSettled()
    }

    /// Writes what is overdue, takes back what a reorganised chain undid, and asks again about every uncertain payment, once.
    ///
    /// What is owed is the batcher's.
    package func pass() async {
        await backlog.repeatAll(in: ledger, now: now())
        do throws(LedgerError) {
            try await takeBackDisproved()
            try await pass(over: .uncertain)
        } catch {
            logger.warning("the ledger could not be read", metadata: ["reason": "\(error.message)"])
        }
    }

    /// Page by page, so that payments that stay open never hide older ones.
    private func pass(over state: ValueState) async throws(LedgerError) {
        var query = PaymentQuery(limit: Self.pageSize, value: state)
        while true {
            let page = try await ledger.payments(query)
            await resolve(page)
            guard page.count == query.limit, let last = page.last else { return }
            query.before = last.reference.row
        }
    }

    private static let pageSize = 500
    /// Payments that are asked about at once: a rail may wait for a block with each.
    private static let concurrency = 16

    private func resolve(_ records: [PaymentRecord]) async {
        await withTaskGroup(of: Void.self) { group in
            for (index, record) in records.enumerated() {
                if index >= Self.concurrency { await group.next() }
                group.addTask { await resolve(record) }
            }
        }
    }

    private func takeBackDisproved() async throws(LedgerError) {
        for rail in rails() {
            for identity in await rail.disproved() {
                guard let record = try await ledger.payment(identity), record.state.value == .settled else { continue }
                logger.warning(
                    "a reorganised chain took back a settlement", metadata: ["payment": "\(identity.publicID)"])
                await apply(.uncertain(transaction: record.transaction), record)
            }
        }
    }

    /// Hands the rails what was settled lately, in case the chain takes it back.
    private func watchSettled() async throws(LedgerError) {
        let query = PaymentQuery(
            limit: Self.watchedPayments, value: .settled, since: now().adding(seconds: -Self.watchedSeconds))
        for record in try await ledger.payments(query) { await rail(record.claim.adapter)?.watch(record) }
    }

    /// Settlements that a start hands to the rails, the newest; a deep reorganisation is minutes old.
    private static let watchedPayments = 1000
    private static let watchedSeconds: Int64 = 15 * 60

    /// Passes every `interval` until it is cancelled, and looks at payments that have just become uncertain sooner.
    package func run(every interval: Duration) async {
        let tick = min(WorkerPace.shortest, interval)
        var pace = WorkerPace(longest: interval)
        var sincePass: Duration = .zero
        while !Task.isCancelled {
            try? await Task.sleep(for: tick)
            if Task.isCancelled { break }
            sincePass += tick
            if sincePass >= interval {
                sincePass = .zero
                await pass()
            } else if pace.isDue(after: tick, newest: await newestUncertain()) {
                try? await pass(over: .uncertain)
            }
        }
    }

    private func newestUncertain() async -> Int64? {
        try? await ledger.payments(PaymentQuery(limit: 1, value: .uncertain)).first?.reference.row
    }

    private func resolve(_ record: PaymentRecord) async {
        guard let rail = rail(record.claim.adapter) else { return }
        switch await rail.reconcile(record) {
        case .settled(let transaction, _):
            await apply(.settled(transaction: transaction, forwardingUntil: nil), record)
            // The answer was withheld when its fate was unknown; the request has run and is not run again.
            if record.hasRun, record.state.service == .forwarding { await apply(.delivered, record) }
        case .refused(let reason, _):
            guard record.hasRun || record.state.value == .owed else {
                await apply(.released(reason: reason.rawValue), record)
                return
            }
            if record.state.value != .owed { await apply(.owed, record) }
            await apply(.writtenOff(reason: reason.rawValue), record)
        case .unknown, .unavailable:
            return
        }
    }

    private func apply(_ event: PaymentEvent, _ record: PaymentRecord) async {
        let time = now()
        let result = await withCheckedContinuation { continuation in
            ledger.apply(event, to: record.reference, now: time) { continuation.resume(returning: $0) }
        }
        if case .success(.applied(let state)) = result {
            logger.notice(
                "payment resolved",
                metadata: [
                    "payment": "\(record.reference.identity.publicID)", "value": "\(state.value.word)",
                ])
        }
    }
}
