import EVM
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

@Suite("Asking nodes in turn")
struct RPCTurnsTests {
    let fake = FakeChain.withToken()

    private var honest: @Sendable (FakePeer.Request) -> FakePeer.Reply {
        { [fake] in fake.answer(to: $0) }
    }

    private static let failing: @Sendable (FakePeer.Request) -> FakePeer.Reply = { _ in .answer(status: 503, "") }

    @Test("a node that failed several times in a row is left alone, and asked again after a while")
    func breaker() async throws {
        let bench = try await NodeBench.make([Self.failing, honest]) {
            $0.breaker.failures = 2
            $0.breaker.pause = .seconds(10)
        }
        for _ in 0..<5 { #expect(try await bench.chain.chainID() == 84_532) }
        #expect(bench.counts == [2, 5])
        bench.clock.advance(by: .seconds(11))
        bench.peers[0].answer(honest)
        for _ in 0..<3 { #expect(try await bench.chain.chainID() == 84_532) }
        #expect(bench.counts == [5, 5])
        await bench.stop()
    }

    @Test("when all are left alone the call fails at once, and health says so")
    func allOpen() async throws {
        let bench = try await NodeBench.make([Self.failing]) { $0.breaker.failures = 1 }
        #expect(bench.node.condition == .ready)
        await #expect(throws: ChainError.self) { try await bench.chain.chainID() }
        #expect(bench.node.condition == .breakerOpen)
        let error = await #expect(throws: ChainError.self) { try await bench.chain.send([2]) }
        #expect(error == ChainError(.breakerOpen, "the node failed several times in a row"))
        #expect(bench.counts == [1])
        await bench.stop()
    }

    @Test("what a payer's contract makes of a call does not open the breaker")
    func payersFault() async throws {
        let bench = try await NodeBench.make([{ _ in NodeBench.refusal(-32000, "some new way to fail") }]) {
            $0.breaker.failures = 1
        }
        for _ in 0..<3 {
            let error = await #expect(throws: ChainError.self) {
                try await bench.chain.call(CallRequest(to: .zero, data: []))
            }
            #expect(error?.code == .unavailable)
        }
        #expect(bench.counts == [3])
        #expect(bench.node.condition == .ready)
        await bench.stop()
    }

    @Test("a failure that may pass is asked about again after a pause, one that will not is not")
    func retry() async throws {
        let count = Mutex(0)
        let bench = try await NodeBench.make([
            { [fake] request in
                let first = count.withLock { count in
                    count += 1
                    return count < 3
                }
                return first ? .answer(status: 503, "") : fake.answer(to: request)
            }
        ]) { $0.retry = RetryPolicy() }
        #expect(try await bench.chain.chainID() == 84_532)
        #expect(bench.counts == [3])
        #expect(bench.clock.slept.count == 2)
        bench.peers[0].answer { _ in .answer(status: 401, "") }
        await #expect(throws: ChainError.self) { try await bench.chain.chainID() }
        #expect(bench.counts == [4])
        await bench.stop()
    }

    @Test("all attempts together end when patience ends")
    func patience() async throws {
        let bench = try await NodeBench.make([Self.failing]) {
            $0.retry.attempts = 1000
            $0.patience = .seconds(7)
            $0.breaker.failures = 10_000
        }
        await #expect(throws: ChainError.self) { try await bench.chain.chainID() }
        #expect(bench.clock.slept.reduce(.zero, +) <= .seconds(7))
        #expect(bench.counts[0] < 20)
        await bench.stop()
    }

    @Test("a caller in a hurry leaves the second node its share of the time")
    func within() async throws {
        let bench = try await NodeBench.make([{ _ in .silence }, honest])
        #expect(try await bench.chain.within(.seconds(6)).chainID() == 84_532)
        bench.peers[1].answer { _ in .silence }
        let error = await #expect(throws: ChainError.self) {
            try await bench.chain.within(.seconds(3)).chainID()
        }
        #expect(error?.code == .timeout)
        #expect(bench.counts == [2, 2])
        await bench.stop()
    }

    // MARK: The right chain

    @Test("a node is asked for its chain once, before anything else")
    func chainCheck() async throws {
        let bench = try await NodeBench.make([honest], chainID: 84_532)
        _ = try await bench.chain.balance(of: .zero)
        _ = try await bench.chain.balance(of: .zero)
        #expect(fake.exchanges == [["eth_chainId"], ["eth_getBalance"], ["eth_getBalance"]])
        await bench.stop()
    }

    @Test("a node on another chain is asked for nothing, and the next answers")
    func wrongChain() async throws {
        let bench = try await NodeBench.make(
            [{ _ in NodeBench.result(#""0x1""#) }, honest], chainID: 84_532)
        _ = try await bench.chain.balance(of: .zero)
        let signed = FakeChain.transaction(nonce: 0, data: [])
        #expect(try await bench.chain.send(signed.raw) == .accepted(signed.hash))
        #expect(bench.peers[0].requests.allSatisfy { $0.json["method"] == .string("eth_chainId") })
        await bench.stop()
        let alone = try await NodeBench.make([{ _ in NodeBench.result(#""0x1""#) }], chainID: 84_532)
        let error = await #expect(throws: ChainError.self) { try await alone.chain.send(signed.raw) }
        #expect(error == ChainError(.wrongChain, "the node is on another chain"))
        await alone.stop()
    }

    @Test("a node that was left alone is asked for its chain again")
    func chainCheckAgain() async throws {
        let bench = try await NodeBench.make([honest], chainID: 84_532) {
            $0.breaker.failures = 1
            $0.breaker.pause = .seconds(10)
        }
        _ = try await bench.chain.balance(of: .zero)
        bench.peers[0].answer(Self.failing)
        await #expect(throws: ChainError.self) { try await bench.chain.balance(of: .zero) }
        bench.clock.advance(by: .seconds(11))
        bench.peers[0].answer(honest)
        fake.resetExchanges()
        _ = try await bench.chain.balance(of: .zero)
        #expect(fake.exchanges == [["eth_chainId"], ["eth_getBalance"]])
        await bench.stop()
    }

    // MARK: Allowance

    @Test("calls past a node's allowance go to the next, and past the last one's they wait")
    func allowance() async throws {
        let bench = try await NodeBench.make([honest, honest]) {
            $0.rate = RateLimiter.Policy(perMinute: 60, burst: 2)
        }
        for _ in 0..<4 { _ = try await bench.chain.chainID() }
        #expect(bench.counts == [2, 2])
        #expect(bench.clock.slept.isEmpty)
        _ = try await bench.chain.chainID()
        #expect(bench.counts == [2, 3])
        #expect(bench.clock.slept == [.seconds(1)])
        await bench.stop()
    }

    @Test("every call of an exchange counts, and an exchange larger than the burst still goes")
    func allowanceOfLists() async throws {
        let bench = try await NodeBench.make([honest]) { $0.rate = RateLimiter.Policy(perMinute: 60, burst: 2) }
        let accounts = Array(repeating: FakeChain.signer.address, count: 5)
        _ = try await bench.chain.ask(ChainQuery.all(accounts.map { ChainQuery.balance(of: $0) }))
        #expect(bench.clock.slept.isEmpty)
        _ = try await bench.chain.chainID()
        #expect(bench.clock.slept == [.seconds(4)])
        await bench.stop()
    }

    @Test("a node that says how long it wants to be left alone is", arguments: [(nil, 1), ("7", 7), ("600", 30)])
    func retryAfter(field: String?, seconds: Int) async throws {
        let limited = FakePeer.Reply.answer(
            status: 429, "{}", fields: field.map { "Retry-After: \($0)\r\n" } ?? "")
        let bench = try await NodeBench.make([{ _ in limited }]) { $0.patience = .seconds(300) }
        await #expect(throws: ChainError.self) { try await bench.chain.chainID() }
        bench.peers[0].answer(honest)
        _ = try await bench.chain.chainID()
        #expect(bench.clock.slept == [.seconds(seconds)])
        await bench.stop()
    }

    @Test("a call that would wait longer than there is patience fails, and was not sent")
    func noPatience() async throws {
        let bench = try await NodeBench.make([honest]) {
            $0.rate = RateLimiter.Policy(perMinute: 1, burst: 1)
            $0.patience = .seconds(40)
        }
        _ = try await bench.chain.chainID()
        let error = await #expect(throws: ChainError.self) { try await bench.chain.send([2]) }
        #expect(error == ChainError(.rateLimited, "no more calls may be made at present"))
        #expect(bench.counts == [1])
        await bench.stop()
    }

    @Test("tokens taken in advance keep callers apart")
    func reservation() {
        var allowance = RPCAllowance(policy: RateLimiter.Policy(perMinute: 60, burst: 1))
        #expect(allowance.take(1, now: .seconds(5), patience: .seconds(9)) == .zero)
        #expect(allowance.take(1, now: .seconds(5), patience: .seconds(9)) == .seconds(1))
        #expect(allowance.take(1, now: .seconds(5), patience: .seconds(9)) == .seconds(2))
        #expect(allowance.take(1, now: .seconds(5), patience: .seconds(2)) == nil)
        #expect(allowance.take(1, now: .seconds(5), patience: .seconds(3)) == .seconds(3))
        #expect(allowance.take(1, now: .seconds(100), patience: .zero) == .zero)
        allowance.pause(for: .seconds(4), now: .seconds(100))
        #expect(allowance.take(1, now: .seconds(100), patience: .seconds(9)) == .seconds(4))
    }

    @Test("nothing that is thrown names the URL, whose path may be a key")
    func secrecy() async throws {
        for reply in [FakePeer.Reply.answer(status: 401, ""), .hangUp, .answer("secret-key")] {
            let bench = try await NodeBench.make([{ _ in reply }])
            let error = await #expect(throws: ChainError.self) { try await bench.chain.chainID() }
            if let error { #expect(!String(reflecting: error).contains("secret-key")) }
            #expect(!String(reflecting: bench.node).contains("secret-key"))
            await bench.stop()
        }
    }
}
