package import NIOCore

/// The servers of one upstream from one event loop: chooses one for each request, and another where that is safe.
package final class UpstreamGroup {
    /// One server with the loop's connections to it.
    package struct Member {
        package let pool: UpstreamPool
        package let server: UpstreamServer

        package init(pool: UpstreamPool, server: UpstreamServer) {
            self.pool = pool
            self.server = server
        }
    }

    package let configuration: UpstreamGroupConfiguration
    private let members: [Member]
    private let eventLoop: any EventLoop
    private let clock: () -> NIODeadline
    private let jitter: () -> Double
    @exclusivity(unchecked) private var balancer: Balancer
    @exclusivity(unchecked) private var budget: RetryBudget
    /// The weights of one choice; kept for its storage.
    @exclusivity(unchecked) private var weights: [Int]

    /// - Parameters:
    ///   - members: In the order of the configuration's.
    ///   - jitter: From 0 up to 1.
    package init(
        _ configuration: UpstreamGroupConfiguration, members: [Member], eventLoop: any EventLoop,
        clock: @escaping () -> NIODeadline = { .now() },
        jitter: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        precondition(members.count == configuration.members.count, "one pool for each server")
        self.configuration = configuration
        self.members = members
        self.eventLoop = eventLoop
        self.clock = clock
        self.jitter = jitter
        balancer = Balancer(
            configuration.balance, names: configuration.members.map(\.configuration.address.description))
        budget = RetryBudget(percent: configuration.retryPercent)
        weights = Array(repeating: 0, count: members.count)
    }

    // MARK: Requests

    /// Returns an empty buffer for a request head; `start` takes its storage back when the head is sent.
    package func headBuffer() -> ByteBuffer { members[0].pool.headBuffer() }

    /// What of a request `start` needs the hash of; nil where the choice does not depend on it.
    package var hashSource: BalancePolicy.HashSource? {
        guard members.count > 1, case .hash(let source) = configuration.balance else { return nil }
        return source
    }

    /// Sends a request to one of the servers; see `UpstreamPool.start`.
    ///
    /// Where a server fails, another is tried if that is safe (`RetryRule`). Without any that is available the request
    /// fails with `noServer`.
    package func start(
        _ head: consuming ByteBuffer, body: RequestBody, isIdempotent: Bool, method: Method, mayUpgrade: Bool = false,
        key: UInt64 = 0, handler: any ResponseHandler
    ) -> UpstreamRequest {
        budget.earn()
        // Only a request that may be lost tests a server of which nothing good is known.
        let mayTest = isIdempotent && body == .none
        guard let choice = choose(key: key, mayTest: mayTest, tried: 0) else {
            let request = UpstreamRequest(eventLoop: eventLoop)
            request.prepare(
                consume head, body: body, isIdempotent: isIdempotent, method: method, mayUpgrade: mayUpgrade,
                handler: handler)
            request.isStarting = true
            request.fail(.noServer(retryAfter: retryAfter))
            request.isStarting = false
            return request
        }
        let pool = members[choice.member].pool
        let seat = UpstreamSeat(group: self, choice: choice, key: key, startedAt: pool.sweep.now)
        return pool.start(
            consume head, body: body, isIdempotent: isIdempotent, method: method, mayUpgrade: mayUpgrade,
            handler: handler, seat: seat)
    }

    // MARK: Availability

    /// Whether a request could be sent now; `mayTest` as long as nothing is lost when it fails.
    package func isAvailable(mayTest: Bool) -> Bool {
        if members[0].server.isPlain { return true }
        let now = clock()
        if members.contains(where: { percent(of: $0, now: now, mayTest: mayTest) > 0 }) { return true }
        if !mayTest {
            for member in members { testIfDue(member, now) }
        }
        return false
    }

    /// Tries a connection to a server that has been left alone for long enough: behind priced routes no request does it.
    private func testIfDue(_ member: Member, _ now: NIODeadline) {
        let server = member.server
        guard let chance = server.present.nextChance, now >= chance, server.begin(.test) else { return }
        let policy = configuration.breaker
        member.pool.testConnection { [self] succeeded in
            server.end(.test)
            let (now, jitter) = (clock(), jitter())
            server.change {
                $0.connectionTested(succeeded: succeeded, policy: policy, now: now, jitter: jitter)
            }
        }
    }

    /// Whole seconds until a server may be available again, at least 1.
    package var retryAfter: Int {
        let now = clock()
        let chances = members.compactMap { $0.server.present.nextChance }
        guard let next = chances.min(), next > now else { return 1 }
        return max(1, Int(((next - now).nanoseconds + 999_999_999) / 1_000_000_000))
    }

    private func percent(of member: Member, now: NIODeadline, mayTest: Bool) -> Int {
        if member.server.isPlain { return 100 }
        return member.server.change { [slowStart = configuration.slowStart] in
            $0.percent(now: now, mayTest: mayTest, slowStart: slowStart)
        }
    }

    // MARK: Choice

    /// A server for a request that has not been on those of `tried`.
    private func choose(key: UInt64, mayTest: Bool, tried: UInt64) -> UpstreamSeat.Choice? {
        if members.count == 1 {
            if tried != 0 { return nil }
            return members[0].server.isPlain ? .init(member: 0) : admit(0, mayTest: mayTest)
        }
        var refused = tried
        // A server's only trial may be taken by another loop between the two looks.
        for _ in 0..<members.count {
            guard let index = pick(key: key, mayTest: mayTest, without: refused) else { return nil }
            if members[index].server.isPlain { return .init(member: index) }
            if let choice = admit(index, mayTest: mayTest) { return choice }
            refused |= 1 << UInt64(index)
        }
        return nil
    }

    private func admit(_ index: Int, mayTest: Bool) -> UpstreamSeat.Choice? {
        let now = clock()
        return switch members[index].server.change({ $0.admit(now: now, mayTest: mayTest) }) {
        case .open: .init(member: index)
        case .trial: .init(member: index, isTrial: true)
        case .refused: nil
        }
    }

    private func pick(key: UInt64, mayTest: Bool, without refused: UInt64) -> Int? {
        pick(areBackups: false, key, mayTest, refused) ?? pick(areBackups: true, key, mayTest, refused)
    }

    private func pick(areBackups: Bool, _ key: UInt64, _ mayTest: Bool, _ refused: UInt64) -> Int? {
        var now: NIODeadline?
        var hasAny = false
        for index in members.indices {
            let settings = configuration.members[index]
            weights[index] = 0
            guard settings.isBackup == areBackups, refused & (1 << UInt64(index)) == 0 else { continue }
            if members[index].server.isPlain {
                weights[index] = settings.weight * 100
            } else {
                let time = now ?? clock()
                now = time
                weights[index] = settings.weight * percent(of: members[index], now: time, mayTest: mayTest)
            }
            hasAny = hasAny || weights[index] > 0
        }
        return hasAny ? balancer.pick(weights: weights, key: key) { members[$0].pool.outstanding } : nil
    }

    // MARK: What requests report

    /// The head of an answer arrived.
    func answered(_ request: UpstreamRequest, status: Int) {
        guard let seat = request.seat else { return }
        let server = members[seat.choice.member].server
        let isFailure = members.count > 1 && configuration.breaker.failStatuses.contains(status)
        if server.isPlain, !isFailure { return }
        let isTrial = seat.choice.isTrial
        request.seat?.choice.isTrial = false
        if isFailure { return note(failureOf: server, isTrial: isTrial, isConnecting: false) }
        let now = clock()
        server.change { $0.answered(isTrial: isTrial, now: now) }
    }

    /// A request failed; returns whether it goes on elsewhere.
    func takesOver(_ request: UpstreamRequest, _ error: UpstreamError) -> Bool {
        guard var seat = request.seat else { return false }
        let server = members[seat.choice.member].server
        if error.isOfServer {
            let isTrial = seat.choice.isTrial
            seat.choice.isTrial = false
            request.seat = seat
            if members.count > 1 || error.isOfConnecting {
                note(failureOf: server, isTrial: isTrial, isConnecting: error.isOfConnecting)
            } else if isTrial {
                // A client can provoke what a request comes to. It must not shut the only server for everybody.
                let now = clock()
                server.change { $0.answered(isTrial: true, now: now) }
            }
        }
        guard seat.retries < configuration.retries, members.count > 1,
            RetryRule.allows(error, wasSent: request.wasSent, isRepeatable: request.isRetryable),
            members[seat.choice.member].pool.sweep.now < answerBy(seat)
        else { return false }
        let tried = seat.tried | 1 << UInt64(seat.choice.member)
        // The trial that a request is for one server is no reason to make it one for a second.
        guard budget.hasOne, let choice = choose(key: seat.key, mayTest: false, tried: tried), budget.spend() else {
            return false
        }
        server.counts.retry()
        ended(seat)
        seat.tried = tried
        seat.retries += 1
        seat.choice = choice
        request.seat = seat
        request.answerBy = answerBy(seat)
        members[choice.member].pool.carry(request)
        return true
    }

    /// A request has left its server, however it ended.
    func ended(_ seat: UpstreamSeat) {
        let member = members[seat.choice.member]
        member.pool.outstanding -= 1
        if seat.choice.isTrial { member.server.change { $0.trialEnded() } }
    }

    /// All tries together get the time that the first one has.
    private func answerBy(_ seat: UpstreamSeat) -> NIODeadline {
        seat.startedAt + members[0].pool.configuration.firstByteTimeout + DeadlineSweep.tick
    }

    private func note(failureOf server: UpstreamServer, isTrial: Bool, isConnecting: Bool) {
        let (now, jitter) = (clock(), jitter())
        let policy = configuration.breaker
        let isEjected = server.change {
            $0.failed(isTrial: isTrial, isConnecting: isConnecting, policy: policy, now: now, jitter: jitter)
        }
        if isEjected { server.counts.eject() }
    }
}

/// Where a request is, and how it came there.
struct UpstreamSeat {
    /// A server of the group.
    struct Choice {
        var member: Int
        /// Whether the request tells if the server works again.
        var isTrial = false
    }

    let group: UpstreamGroup
    var choice: Choice
    /// The servers it was on before, one bit each.
    var tried: UInt64 = 0
    var retries = 0
    let key: UInt64
    let startedAt: NIODeadline

    init(group: UpstreamGroup, choice: Choice, key: UInt64, startedAt: NIODeadline) {
        self.group = group
        self.choice = choice
        self.key = key
        self.startedAt = startedAt
    }
}
