import EVM
import Facilitator
import Ledger
package import NIOCore
import Pricing
import Primitives
package import Transport
import X402

/// The paywall on one event loop: what its requests share without a lock.
package final class PaywallLoop: RequestDelegate {
    let eventLoop: any EventLoop
    let shared: PaywallShared
    private(set) var generation: PaywallGeneration
    private var edition = 0
    /// Earlier files and when they were replaced, the oldest first.
    private var retired: [(generation: PaywallGeneration, since: UnixTime)] = []
    private var pools: [UpstreamKey: UpstreamPool] = [:]
    /// The upstreams of the file in force by index, so that a request costs no look-up.
    private var currentGroups: [UpstreamGroup?]
    private var ids: RequestIDs
    private var random: SystemRandomNumberGenerator
    private var accessLog: AccessLog
    private var flushTimer: RepeatedTask?
    /// 402s under origins that clients used; as many as the file in force has prices and hosts, twice.
    private var challenges: [ChallengeKey: ChallengeTemplate] = [:]

    var reader = PaymentReader()
    var keys = PublicKeyCache()
    /// Where the bodies of answers of our own are written; each is copied out before the next.
    var scratch = ByteBuffer()
    var counters = LoopCounters()
    private var shadows = ShadowTally()
    let inbox: LoopInbox

    package init(eventLoop: any EventLoop, shared: PaywallShared, generation: PaywallGeneration) {
        self.eventLoop = eventLoop
        self.shared = shared
        self.generation = generation
        currentGroups = Array(repeating: nil, count: generation.upstreams.count)
        random = SystemRandomNumberGenerator()
        ids = RequestIDs(seed: random.next())
        accessLog = AccessLog(sink: generation.hasAccessLog ? shared.accessLog : nil)
        inbox = LoopInbox(eventLoop: eventLoop)
        if accessLog.isEnabled { startFlushing() }
    }

    // MARK: Requests

    package func begin(_ stream: ServerStream) -> any RequestHandler {
        adoptLatest()
        let exchange = Exchange(loop: self, stream: stream, id: ids.next())
        exchange.begin()
        return exchange
    }

    package func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        adoptLatest()
        let id = ids.next()
        counters.refusedHeads += 1
        let overrun = overrun(ofRefused: IPAddress(remote))
        let answer = overrun.map(Answer.tooManyRequests) ?? .refusedHead(refusal)
        if accessLog.isEnabled {
            accessLog.begin(now: now(), id: id)
            accessLog.member("remote") { ClientAddress(IPAddress(remote)).write(to: &$0) }
            accessLog.member("status", UInt64(answer.status))
            accessLog.member("remark", overrun?.policy.remark.description ?? refusal.shortDescription)
            accessLog.endLine()
        }
        return AnswerWriter.whole(answer, id: id)
    }

    /// The limit of the whole paywall that the sender of a refused head has run into.
    ///
    /// A trusted proxy is not counted: whom it speaks for is not known.
    private func overrun(ofRefused address: IPAddress?) -> LimitOverrun? {
        guard let rate = generation.limits.client, let address, !generation.trust.peers.contains(address) else {
            return nil
        }
        let key = BucketKey.make(.client, address, prefix: generation.limits.clientPrefix)
        let now = deadline().uptimeNanoseconds
        guard case .refused(let retryAfter) = shared.buckets.take(key, rate, now: now) else { return nil }
        return LimitOverrun(.client, rate: rate, retryAfter: retryAfter)
    }

    package func refusedConnection(_ reason: StaticString, remote: SocketAddress?) {
        counters.refusedConnections += 1
        guard accessLog.isEnabled else { return }
        accessLog.begin(now: now(), id: ids.next())
        accessLog.member("remote") { ClientAddress(IPAddress(remote)).write(to: &$0) }
        accessLog.member("remark", reason.description)
        accessLog.endLine()
    }

    /// The exchange is over: counts it and writes its line.
    func finished(_ exchange: Exchange) {
        counters.requests += 1
        guard accessLog.isEnabled else { return }
        accessLog.begin(now: now(), id: exchange.id)
        accessLog.member("remote") { exchange.client.client.write(to: &$0) }
        if let tls = exchange.stream.peer.tls { accessLog.member("tls", tls.version.rawValue) }
        let head = exchange.stream.head
        head.withBytes { bytes in
            accessLog.member("method", UnsafeRawBufferPointer(rebasing: bytes[head.methodRange]))
            if let host = head.host { accessLog.member("host", UnsafeRawBufferPointer(rebasing: bytes[host])) }
        }
        exchange.withForwardedTarget { target in
            accessLog.member("path", target.prefix { $0 != UInt8(ascii: "?") })
        }
        accessLog.member("protocol", constant: exchange.stream.version.name)
        if let route = exchange.route { accessLog.member("route", route.name) }
        if let rule = exchange.quote?.rule { accessLog.member("rule", rule) }
        if let note = exchange.quote?.note { accessLog.member("price_note", note) }
        accessLog.member("status", UInt64(exchange.status))
        accessLog.member("bytes", exchange.bytesOut)
        if let tunnel = exchange.tunnel { accessLog.member("bytes_in", tunnel.bytesIn) }
        let elapsed = (NIODeadline.now() - exchange.started).nanoseconds
        accessLog.member("us", UInt64(max(0, elapsed / 1000)))
        logPayment(of: exchange)
        logShadow(of: exchange)
        if let remark = exchange.remark { accessLog.member("remark", remark.description) }
        accessLog.endLine()
    }

    private func logPayment(of exchange: Exchange) {
        if let reason = exchange.reason { accessLog.member("reason", reason.rawValue) }
        if let credit = exchange.creditDrawnOn { accessLog.member("credit", credit.publicID) }
        logCharge(of: exchange)
        guard let payment = exchange.payment, let verified = payment.verified else { return }
        accessLog.member("payment", verified.identity.publicID)
        accessLog.member("payer", verified.payer)
        accessLog.member("amount", payment.offer.amount.description)
        accessLog.member("asset", payment.offer.asset.description)
        accessLog.member("network", payment.offer.network.name)
        if let transaction = payment.transaction { accessLog.member("transaction", transaction) }
    }

    private func logCharge(of exchange: Exchange) {
        guard let charge = exchange.charge else { return }
        accessLog.member("metered", charge.amount.description)
        accessLog.member("metering", charge.reason.rawValue)
        if let meter = exchange.route?.meter?.meter {
            for (quantity, count) in zip(meter.quantities, charge.counts) { accessLog.count(quantity, count) }
        }
    }

    private func logShadow(of exchange: Exchange) {
        guard let shadow = exchange.shadow else { return }
        accessLog.member("shadow", shadow.outcome.word)
        if let reason = shadow.reason { accessLog.member("reason", reason.rawValue) }
        guard let offer = shadow.offer else { return }
        accessLog.member("amount", offer.amount.description)
        accessLog.member("asset", offer.asset.description)
        accessLog.member("network", offer.network.name)
    }

    // MARK: Shadow mode

    /// Counts a request of a route in shadow mode; it is written soon.
    func countShadow(_ key: ShadowKey, _ count: ShadowCount) {
        let isFirst = shadows.isEmpty
        shadows.add(key, count)
        guard isFirst else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: TimeAmount(shared.shadowDelay)) { bound.value.writeShadow() }
    }

    private func writeShadow() {
        if shadows.isEmpty { return }
        let lines = shadows.take()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        shared.ledger.addShadow(lines) { result in
            // Counted again with the next; at most as many kinds of them as are kept apart.
            guard case .failure = result else { return }
            eventLoop.execute { for line in lines { bound.value.countShadow(line.key, line.count) } }
        }
    }

    // MARK: What exchanges ask

    func now() -> UnixTime { shared.now() }

    func deadline() -> NIODeadline { NIODeadline.now() }

    /// An upstream of a file, made at its first use.
    func upstream(_ index: Int, of file: PaywallGeneration) -> UpstreamGroup {
        let isCurrent = file === generation
        if isCurrent, let group = currentGroups[index] { return group }
        let settings = file.upstreams[index]
        let now = deadline()
        let members = zip(settings.members, file.upstreamKeys[index]).map { member, key in
            let server = shared.upstreams.server(for: member.configuration, now: now)
            return UpstreamGroup.Member(pool: pool(key, member.configuration, server), server: server)
        }
        let group = UpstreamGroup(settings, members: members, eventLoop: eventLoop)
        if isCurrent { currentGroups[index] = group }
        return group
    }

    private func pool(
        _ key: UpstreamKey, _ configuration: UpstreamConfiguration, _ server: UpstreamServer
    ) -> UpstreamPool {
        if let known = pools[key] { return known }
        let pool = UpstreamPool(configuration, eventLoop: eventLoop, server: server)
        pools[key] = pool
        return pool
    }

    /// The 402 of a sheet under the origin of a host that the file names.
    func challenge(of sheet: OfferSheet, host: String, isSecure: Bool) -> ChallengeTemplate {
        let origin = (isSecure ? "https://" : "http://") + host
        // A sheet that is let go of gives its identity to another.
        if sheet.isComputed { return sheet.makeChallenge(origin) }
        let key = ChallengeKey(sheet: ObjectIdentifier(sheet), host: host, isSecure: isSecure)
        if let known = challenges[key] { return known }
        let template = sheet.makeChallenge(origin)
        challenges[key] = template
        return template
    }

    /// The ways back to an exchange from another thread.
    func home(of exchange: Exchange) -> ExchangeHome { ExchangeHome(exchange, inbox: inbox, eventLoop: eventLoop) }

    /// A token that only the reader of one answer knows.
    func grantToken() -> String { Base64.encodeURLSafe(Bytes32.random(using: &random).bytes) }

    /// Random bits that need not be secret, only new.
    func salt() -> UInt32 { UInt32.random(in: .min ... .max, using: &random) }

    /// Routes of earlier files under this name and when their file was replaced, the newest first.
    func retiredRoutes(named name: String) -> [(route: PaywallRoute, since: UnixTime)] {
        if retired.isEmpty { return [] }
        forgetExpired()
        return retired.reversed().compactMap { file in file.generation.route(named: name).map { ($0, file.since) } }
    }

    /// Whether an offer of a file replaced at `since` is still honoured: for its own time, and if its recipient is still paid.
    func isStanding(_ offer: PaymentRequirements, since: UnixTime) -> Bool {
        now() <= since.adding(seconds: Int64(offer.maxTimeoutSeconds)) && generation.payTo.contains(offer.payTo)
    }

    private func forgetExpired() {
        let now = now()
        retired.removeAll { $0.since.adding(seconds: Int64($0.generation.maxTimeoutSeconds)) < now }
    }

    // MARK: Generations

    /// Takes a new file; the offers of the old one stand until they expire.
    func adoptLatest() {
        guard let change = shared.inForce.change(since: edition) else { return }
        edition = change.edition
        adopt(change.generation)
    }

    private func adopt(_ next: PaywallGeneration) {
        let old = generation
        generation = next
        challenges = [:]
        adoptAccessLog()
        currentGroups = Array(repeating: nil, count: next.upstreams.count)
        forgetExpired()
        if old.maxTimeoutSeconds > 0 { retired.append((old, now())) }
        let kept = Set(next.upstreamKeys.joined())
        for (key, pool) in pools where !kept.contains(key) {
            pool.drain()
            pools[key] = nil
        }
    }

    /// Closes what the loop holds open.
    func close() {
        writeShadow()
        flushTimer?.cancel()
        for pool in pools.values { pool.close() }
        pools = [:]
        currentGroups = currentGroups.map { _ in nil }
        accessLog.flush()
    }

    private func adoptAccessLog() {
        let isWanted = generation.hasAccessLog && shared.accessLog != nil
        guard isWanted != accessLog.isEnabled else { return }
        accessLog.flush()
        flushTimer?.cancel()
        accessLog = AccessLog(sink: isWanted ? shared.accessLog : nil)
        if isWanted { startFlushing() }
    }

    private func startFlushing() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        flushTimer = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(200), delay: .milliseconds(200)) { _ in
            bound.value.accessLog.flush()
        }
    }
}

/// A 402 that differs from its sheet's by the origin.
private struct ChallengeKey: Hashable {
    let sheet: ObjectIdentifier
    let host: String
    let isSecure: Bool
}

/// What is counted per loop.
struct LoopCounters {
    var requests = 0
    var refusedHeads = 0
    var refusedConnections = 0
    var upstreamFailures = 0
    var ledgerFailures = 0
    var unreachable = 0
    /// Requests turned away because no server of their upstream was available.
    var upstreamsDown = 0
    /// Prices that whoever is asked for them did not tell.
    var pricesUnavailable = 0
}

/// Brings an answer from another thread back to its exchange.
struct ExchangeHome: Sendable {
    private let exchange: NIOLoopBound<Exchange>
    private let inbox: LoopInbox

    init(_ exchange: Exchange, inbox: LoopInbox, eventLoop: any EventLoop) {
        self.exchange = NIOLoopBound(exchange, eventLoop: eventLoop)
        self.inbox = inbox
    }

    /// Runs `body` with the exchange on its loop, soon.
    func post(_ body: @escaping @Sendable (Exchange) -> Void) {
        let exchange = self.exchange
        inbox.post(LoopInbox.Letter { body(exchange.value) })
    }
}
