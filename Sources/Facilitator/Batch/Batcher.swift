package import Ledger
package import Logging
package import Primitives
import Synchronization
import X402

/// Settles what has been served and is not paid yet: together, every few seconds, until it is paid or cannot be any more.
///
/// The ledger is its queue: a crash loses nothing of it. Each payment is marked `settling` before the rail is asked, and what
/// the rail says decides where it goes from there.
package final class Batcher: Sendable {
    private struct Clockwork {
        /// When the last batch of an adapter was closed.
        var closedAt: [String: Duration] = [:]
        /// Adapters with a batch under way.
        var busy: Set<String> = []
        /// What rails said and the ledger could not take, in order; until it is written the payments stay `settling`.
        var unwritten: [(outcome: SettleOutcome, record: PaymentRecord)] = []
    }

    private let ledger: any PaymentLedger
    private let rail: @Sendable (String) -> (any Rail)?
    private let planInForce: Mutex<BatchPlan>
    private let clock: RailClock
    private let now: @Sendable () -> UnixTime
    private let logger: Logger
    private let clockwork = Mutex(Clockwork())

    /// How often the queue is looked at; an interval shorter than that is kept to the next look.
    private var look: Duration { min(plan.interval, .seconds(1)) }
    private var plan: BatchPlan { planInForce.withLock { $0 } }

    /// - Parameter rail: Finds an adapter by its id, in the file in force.
    package init(
        ledger: any PaymentLedger, rail: @escaping @Sendable (String) -> (any Rail)?, plan: BatchPlan,
        clock: RailClock = .system, now: @escaping @Sendable () -> UnixTime, logger: Logger
    ) {
        self.ledger = ledger
        self.rail = rail
        planInForce = Mutex(plan)
        self.clock = clock
        self.now = now
        self.logger = logger
    }

    /// Takes the plan of a new file, from the next look on.
    package func adopt(_ plan: BatchPlan) { planInForce.withLock { $0 = plan } }

    /// Looks again and again until it is cancelled; what is under way then is finished.
    package func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for batch in await closeDue() {
                    group.addTask { await self.settle(batch) }
                }
                if (try? await clock.sleep(look)) == nil { break }
            }
        }
    }

    /// Settles all that is owed, whatever its time: at the end of a process that drains, and in tests.
    package func flush() async {
        for batch in await closeDue(all: true) { await settle(batch) }
    }

    private struct Batch: Sendable {
        var adapter: String
        var records: [PaymentRecord]
    }

    // MARK: Closing

    private func closeDue(all: Bool = false) async -> [Batch] {
        await writeOverdue()
        let owed: [PaymentRecord]
        do throws(LedgerError) {
            // Far more than the exposure limits let come together.
            owed = try await ledger.payments(PaymentQuery(limit: 10_000, value: .owed, order: .oldestFirst))
        } catch {
            logger.warning("the ledger could not be read", metadata: ["reason": "\(error.message)"])
            return []
        }
        let (time, plan) = (clock.now(), plan)
        return Dictionary(grouping: owed, by: \.claim.adapter).compactMap { adapter, records in
            clockwork.withLock { clockwork in
                let sinceLast = clockwork.closedAt[adapter].map { time - $0 } ?? plan.interval
                let due = all ? records : plan.due(records, sinceLast: sinceLast, now: now())
                guard !due.isEmpty, clockwork.busy.insert(adapter).inserted else { return nil }
                clockwork.closedAt[adapter] = time
                return Batch(adapter: adapter, records: due)
            }
        }
    }

    // MARK: Settling

    private func settle(_ batch: Batch) async {
        defer { clockwork.withLock { _ = $0.busy.remove(batch.adapter) } }
        guard let rail = rail(batch.adapter) else { return }
        var orders: [SettleOrder] = []
        var marked: [PaymentRecord] = []
        for record in batch.records {
            guard let bytes = record.claim.settlement, let blob = SettlementBlob(bytes) else { continue }
            guard await apply(.settle, record) else { continue }
            marked.append(record)
            orders.append(
                SettleOrder(
                    payment: blob.payment, requirements: blob.requirements, identity: record.claim.identity,
                    payer: record.claim.payer, amount: record.due, reference: record.reference))
        }
        guard !orders.isEmpty else { return }
        let outcomes = await rail.settle(all: orders)
        var settled = 0
        for (record, outcome) in zip(marked, outcomes) {
            await write(outcome, of: record)
            if case .settled = outcome { settled += 1 }
        }
        logger.notice(
            "batch settled",
            metadata: ["adapter": "\(batch.adapter)", "payments": "\(marked.count)", "settled": "\(settled)"])
    }

    /// Writes what the rail said of a payment that was served; a ledger that fails is given it again at the next look.
    private func write(_ outcome: SettleOutcome, of record: PaymentRecord) async {
        do throws(LedgerError) {
            for event in events(of: outcome, for: record) {
                _ = try await ledger.record(event, of: record.reference, now: now())
            }
        } catch {
            clockwork.withLock { $0.unwritten.append((outcome, record)) }
        }
    }

    private func writeOverdue() async {
        let overdue = clockwork.withLock { clockwork in
            defer { clockwork.unwritten = [] }
            return clockwork.unwritten
        }
        for (outcome, record) in overdue { await write(outcome, of: record) }
    }

    /// What becomes of a payment; repeated, the ledger refuses what it has.
    private func events(of outcome: SettleOutcome, for record: PaymentRecord) -> [PaymentEvent] {
        switch outcome {
        case .settled(let transaction, _): [.settled(transaction: transaction, forwardingUntil: nil)]
        case .unknown(let transaction): [.uncertain(transaction: transaction)]
        case .unavailable: [.deferred]
        case .refused(let reason, _):
            reason.mayPass && !isOver(record) ? [.owed] : [.owed, .writtenOff(reason: reason.rawValue)]
        }
    }

    /// Whether the time of a payment has been over for so long that no block can be behind it.
    private func isOver(_ record: PaymentRecord) -> Bool {
        record.claim.validBefore.map { $0.adding(seconds: ChainRail.expiryMargin) <= now() } ?? false
    }

    private func apply(_ event: PaymentEvent, _ record: PaymentRecord) async -> Bool {
        guard case .applied? = try? await ledger.record(event, of: record.reference, now: now()) else { return false }
        return true
    }
}
