import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
private let refused = IOError(errnoCode: 111, reason: "connect")

/// A group whose connections are embedded channels, under a clock that the test moves.
private final class GroupHarness {
    typealias Attempt = UpstreamHarness.Attempt

    let loop = EmbeddedEventLoop()
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    /// The connections asked for, in order, with the server's index.
    private(set) var attempts: [(server: Int, attempt: Attempt)] = []
    private(set) var pools: [UpstreamPool] = []
    let servers: [UpstreamServer]
    private var made: UpstreamGroup?
    var group: UpstreamGroup { get throws { try #require(made) } }

    init(
        _ weights: [Int], backups: Set<Int> = [], _ change: (inout UpstreamGroupConfiguration) -> Void = { _ in },
        server: (inout UpstreamConfiguration) -> Void = { _ in }
    ) {
        servers = weights.map { _ in UpstreamServer() }
        let members = weights.indices.map { index in
            var configuration = UpstreamConfiguration(name: "u", address: .host("10.0.0.\(index)", port: 80))
            server(&configuration)
            return UpstreamGroupConfiguration.Member(
                configuration, weight: weights[index], isBackup: backups.contains(index))
        }
        var configuration = UpstreamGroupConfiguration(name: "u", members: members)
        change(&configuration)
        pools = members.indices.map { index in
            UpstreamPool(members[index].configuration, eventLoop: loop) { [unowned self] attempt in
                let promise = loop.makePromise(of: (any Channel).self)
                attempts.append((index, Attempt(attempt, promise)))
                return promise.futureResult
            }
        }
        made = UpstreamGroup(
            configuration, members: zip(pools, servers).map { .init(pool: $0, server: $1) }, eventLoop: loop,
            clock: { [unowned self] in now }, jitter: { 0 })
    }

    /// What is counted of all servers together.
    func count(_ what: KeyPath<UpstreamCounts, Int>) -> Int { servers.reduce(0) { $0 + $1.counts[keyPath: what] } }

    func start(
        _ method: Transport.Method = .get, body: RequestBody = .none, isIdempotent: Bool = true, key: UInt64 = 0
    ) throws -> NotingResponse {
        let handler = NotingResponse()
        handler.request = try group.start(
            ByteBuffer(string: "M / HTTP/1.1\r\nhost: u\r\n"), body: body, isIdempotent: isIdempotent, method: method,
            key: key, handler: handler)
        #expect(handler.events == [], "nothing is told inside start")
        loop.run()
        return handler
    }

    /// The servers that connections were asked for.
    var asked: [Int] { attempts.map(\.server) }

    func last() throws -> Attempt { try #require(attempts.last).attempt }

    /// Lets a request be answered, on a new connection.
    func serve(_ answer: String = ok) throws {
        let attempt = try last()
        try attempt.open(loop)
        attempt.send(answer)
    }

    /// Lets requests fail to connect until every server is left alone.
    func killAll() throws {
        for _ in 0..<(3 * servers.count) where try group.isAvailable(mayTest: true) {
            _ = try start()
            while attempts.last?.attempt.channel == nil, let attempt = attempts.last?.attempt, !isFailed(attempt) {
                attempt.promise.fail(refused)
                failed.append(ObjectIdentifier(attempt))
            }
        }
    }

    private var failed: [ObjectIdentifier] = []
    private func isFailed(_ attempt: Attempt) -> Bool { failed.contains(ObjectIdentifier(attempt)) }
}

@Suite("The upstream group")
struct UpstreamGroupTests {
    @Test("requests go round the servers, a backup is left out")
    func turns() throws {
        let upstream = GroupHarness([2, 1, 1], backups: [2])
        for _ in 0..<6 { _ = try upstream.start() }
        #expect(upstream.asked == [0, 1, 0, 0, 1, 0])
    }

    @Test("a request whose server cannot be connected to goes to another, of whatever kind", arguments: [true, false])
    func failover(isIdempotent: Bool) throws {
        let upstream = GroupHarness([1, 1])
        let response = try upstream.start(.post, body: .length(2), isIdempotent: isIdempotent)
        response.request?.writeBody(ByteBuffer(string: "ab"))
        response.request?.end(trailers: nil)
        upstream.attempts[0].attempt.promise.fail(refused)
        #expect(upstream.asked == [0, 1])
        try upstream.last().open(upstream.loop)
        #expect(try upstream.last().received() == "M / HTTP/1.1\r\nhost: u\r\ncontent-length: 2\r\n\r\nab")
        try upstream.last().send(ok)
        #expect(response.events == ["head 200", "body hi", "end"])
        #expect(upstream.count(\.retries) == 1)
        #expect(upstream.pools.map(\.outstanding) == [0, 0])
    }

    @Test("no more servers are tried than allowed, and none twice")
    func bounded() throws {
        let upstream = GroupHarness([1, 1, 1, 1]) { $0.retries = 2 }
        let response = try upstream.start()
        for index in 0..<3 { upstream.attempts[index].attempt.promise.fail(refused) }
        #expect(upstream.asked == [0, 1, 2])
        #expect(response.events == ["failed connect failed"])
        let two = GroupHarness([1, 1]) { $0.retries = 5 }
        let second = try two.start()
        for index in 0..<2 { two.attempts[index].attempt.promise.fail(refused) }
        #expect(two.asked == [0, 1])
        #expect(second.events == ["failed connect failed"])
    }

    @Test(
        "a connection that closes without an answer is retried only where twice is as good as once",
        arguments: [
            (true, RequestBody.none, 2), (false, .none, 1), (true, .length(2), 1),
        ])
    func closed(isIdempotent: Bool, body: RequestBody, tries: Int) throws {
        let upstream = GroupHarness([1, 1])
        let response = try upstream.start(.put, body: body, isIdempotent: isIdempotent)
        try upstream.last().open(upstream.loop)
        try upstream.last().sendEnd()
        #expect(upstream.asked.count == tries)
        #expect(response.events.contains("failed closed before response") == (tries == 1))
    }

    @Test("a byte of the answer rules a retry out")
    func answerBegun() throws {
        let upstream = GroupHarness([1, 1])
        let response = try upstream.start()
        try upstream.last().open(upstream.loop)
        try upstream.last().send("HTTP/1.1 2")
        try upstream.last().sendEnd()
        #expect(response.events.last == "failed broken off")
        #expect(upstream.asked == [0])
    }

    @Test("a request that died on a reused connection was sent, whatever comes of the next one")
    func sentBefore() throws {
        let upstream = GroupHarness([1, 1]) { $0.balance = .hash(.client) }
        _ = try upstream.start()
        try upstream.serve()
        let home = upstream.asked[0]
        let response = try upstream.start()
        upstream.attempts[0].attempt.sendEnd()
        #expect(upstream.asked == [home, home], "the pool's own second try")
        try upstream.last().promise.fail(refused)
        #expect(upstream.asked == [home, home, 1 - home], "repeatable, so another server may have it")
        try upstream.serve()
        #expect(response.events.last == "end")
    }

    @Test("all tries together have the time of the first")
    func time() throws {
        let upstream = GroupHarness([1, 1], server: { $0.firstByteTimeout = .seconds(5) })
        let response = try upstream.start()
        upstream.pools[0].sweep.sweep(now: upstream.pools[0].sweep.now + .seconds(2))
        upstream.attempts[0].attempt.promise.fail(refused)
        let second = upstream.pools[1]
        second.sweep.sweep(now: upstream.pools[0].sweep.now)
        try upstream.last().open(upstream.loop)
        second.sweep.sweep(now: second.sweep.now + .seconds(3))
        #expect(response.events == [])
        second.sweep.sweep(now: second.sweep.now + .seconds(1))
        #expect(response.events == ["failed first byte timeout"])
    }

    @Test("a server that fails is left alone, and with all of them a request fails at once")
    func leftAlone() throws {
        let upstream = GroupHarness([1, 1])
        try upstream.killAll()
        #expect(upstream.servers.map(\.present.word) == [.leftAlone, .leftAlone])
        #expect(upstream.count(\.ejections) == 2)
        let count = upstream.attempts.count
        let response = try upstream.start()
        #expect(response.events == ["failed no server available"])
        #expect(upstream.attempts.count == count)
        #expect(try !upstream.group.isAvailable(mayTest: true))
        #expect(try upstream.group.retryAfter == 2)
        #expect(upstream.pools.map(\.outstanding) == [0, 0])
    }

    @Test("one request that may be lost tests a server whose time is over; its answer brings the server back")
    func trial() throws {
        let upstream = GroupHarness([1])
        try upstream.killAll()
        upstream.now = upstream.now + .seconds(2)
        #expect(try !upstream.group.isAvailable(mayTest: false))
        let paid = try upstream.start(.get, isIdempotent: false)
        #expect(paid.events == ["failed no server available"])
        let test = try upstream.start()
        #expect(try upstream.start().events == ["failed no server available"])
        try upstream.serve()
        #expect(test.events.last == "end")
        #expect(upstream.servers[0].present.word == .up)
        #expect(try upstream.group.isAvailable(mayTest: false))
    }

    @Test("a question before a payment tries a connection when the server's time is over")
    func connectionTest() throws {
        let upstream = GroupHarness([1])
        try upstream.killAll()
        let count = upstream.attempts.count
        #expect(try !upstream.group.isAvailable(mayTest: false))
        #expect(upstream.attempts.count == count)
        upstream.now = upstream.now + .seconds(2)
        for _ in 0..<2 { #expect(try !upstream.group.isAvailable(mayTest: false)) }
        #expect(upstream.attempts.count == count + 1)
        try upstream.last().open(upstream.loop)
        #expect(try upstream.group.isAvailable(mayTest: false))
        #expect(try !upstream.last().isOpen)
    }

    @Test("a test that its client gave up leaves room for another")
    func cancelledTrial() throws {
        let upstream = GroupHarness([1])
        try upstream.killAll()
        upstream.now = upstream.now + .seconds(2)
        try upstream.start().request?.cancel()
        #expect(upstream.servers[0].present.breaker.state == .trial(isBusy: false))
        #expect(upstream.pools[0].outstanding == 0)
    }

    @Test("our own bounds do not speak against a server")
    func ownBounds() throws {
        let upstream = GroupHarness(
            [1],
            server: {
                $0.maxConnections = 1
                $0.maxQueued = 0
            })
        _ = try upstream.start()
        for _ in 0..<5 { #expect(try upstream.start().events == ["failed queue full"]) }
        #expect(upstream.servers[0].isPlain)
    }

    @Test("nor does an answer that breaks HTTP")
    func malformed() throws {
        let upstream = GroupHarness([1])
        for _ in 0..<5 {
            let response = try upstream.start()
            try upstream.serve("garbage\r\n\r\n")
            #expect(response.events == ["failed malformed response"])
        }
        #expect(upstream.servers[0].isPlain)
    }

    @Test("statuses count only where they are asked to")
    func statuses() throws {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        for (weights, isAsked, word) in [
            ([1, 1], true, ServerCondition.Word.leftAlone), ([1, 1], false, .up), ([1], true, .up),
        ] {
            let upstream = GroupHarness(weights) { if isAsked { $0.breaker.failStatuses = [503] } }
            for _ in 0..<(3 * weights.count) {
                let response = try upstream.start()
                try upstream.serve(answer)
                #expect(response.events == ["head 503", "end"])
            }
            #expect(upstream.servers[0].present.word == word)
        }
    }

    @Test(
        "what a client can provoke shuts no only server, and ends a trial well: it took a connection",
        arguments: ["", "HTTP/1.1 2"])
    func onlyServer(answer: String) throws {
        let upstream = GroupHarness([1])
        for isTrial in [false, true] {
            if isTrial {
                try upstream.killAll()
                #expect(upstream.servers[0].present.word == .leftAlone)
                upstream.now = upstream.now + .seconds(2)
            }
            for _ in 0..<5 {
                let response = try upstream.start()
                try upstream.last().open(upstream.loop)
                if !answer.isEmpty { try upstream.last().send(answer) }
                try upstream.last().sendEnd()
                #expect(response.events.last == "failed \(answer.isEmpty ? "closed before response" : "broken off")")
                #expect(upstream.servers[0].present.word == .up)
            }
        }
    }

    @Test("a backup is asked while no other server is available")
    func backup() throws {
        let upstream = GroupHarness([1, 1], backups: [1])
        for _ in 0..<3 {
            _ = try upstream.start()
            try upstream.last().promise.fail(refused)
            try upstream.serve("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        }
        _ = try upstream.start()
        #expect(upstream.asked == [0, 1, 0, 1, 0, 1, 1])
        #expect(upstream.servers.map(\.present.word) == [.leftAlone, .up])
    }

    @Test("retries cannot multiply an outage")
    func budget() throws {
        let upstream = GroupHarness([1, 1]) {
            $0.breaker.maxFailures = 1_000_000
            $0.retryPercent = 0
        }
        for _ in 0..<30 {
            _ = try upstream.start()
            let count = upstream.attempts.count
            try upstream.last().promise.fail(refused)
            if upstream.attempts.count > count { try upstream.last().promise.fail(refused) }
        }
        #expect(upstream.count(\.retries) == RetryBudget.start)
    }
}
