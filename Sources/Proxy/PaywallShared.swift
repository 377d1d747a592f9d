package import Ledger
package import Primitives
import Synchronization
package import Transport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What all loops of a paywall share; each part is safe from any thread.
package final class PaywallShared: Sendable {
    package let ledger: any PaymentLedger
    package let desk: RailDesk
    /// Where lines of requests go under a file that wants them.
    package let accessLog: LogSink?
    /// The key under which client addresses are hashed.
    let addressKey: Bytes32
    /// How long a claim may stay in `forwarding`; recovery at start ends leases that a crash left.
    let leaseSeconds: Int64
    /// Transitions that could not be written at once.
    let failedTransitions = Atomic<Int>(0)
    /// Those of them that a worker repeats.
    package let backlog: TransitionBacklog
    let now: @Sendable () -> UnixTime
    let inForce = GenerationInForce()
    /// What is known of the upstreams' servers.
    package let upstreams: UpstreamBook
    /// The buckets of every rate limit.
    let buckets: BucketTable
    /// Paid requests that run, by payer.
    let payerCounts = ActiveCounts()
    let gates = GateBook()
    /// How long what shadow mode counted waits to be written.
    let shadowDelay: Duration

    /// Clients and payers that are kept apart (`limits.max_tracked`).
    package static let maxTracked = 65_536

    package init(
        ledger: any PaymentLedger, desk: RailDesk, accessLog: LogSink?, addressKey: Bytes32,
        maxTracked: Int = PaywallShared.maxTracked, leaseSeconds: Int64 = 86_400,
        backlog: TransitionBacklog = TransitionBacklog(),
        upstreams: UpstreamBook = UpstreamBook(), shadowDelay: Duration = .seconds(1),
        now: @escaping @Sendable () -> UnixTime = PaywallShared.systemTime
    ) {
        self.upstreams = upstreams
        self.shadowDelay = shadowDelay
        self.ledger = ledger
        self.desk = desk
        self.accessLog = accessLog
        self.addressKey = addressKey
        self.leaseSeconds = leaseSeconds
        self.backlog = backlog
        buckets = BucketTable(buckets: maxTracked)
        self.now = now
    }

    /// The system's clock in whole seconds, read without a system call where there is a vDSO.
    package static let systemTime: @Sendable () -> UnixTime = {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
        #else
            clock_gettime(CLOCK_REALTIME, &time)
        #endif
        return UnixTime(Int64(time.tv_sec))
    }
}
