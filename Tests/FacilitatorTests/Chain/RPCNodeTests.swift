import EVM
import Facilitator
import Primitives
import Testing
import Transport
import X402

/// Nodes on real sockets before one fake chain, and the client that asks them in turn.
struct NodeBench {
    let chain: Chain
    let node: RPCNode
    let peers: [FakePeer]
    let clock: TestClock

    /// As many nodes as scripts; the first is preferred.
    static func make(
        _ scripts: [@Sendable (FakePeer.Request) -> FakePeer.Reply], chainID: UInt64? = nil,
        _ change: (inout RPCSettings) -> Void = { _ in }
    ) async throws -> NodeBench {
        var settings = RPCSettings(chainID: chainID, timeout: .seconds(30), patience: .seconds(120))
        settings.retry.attempts = 1
        change(&settings)
        var peers: [FakePeer] = []
        for script in scripts { peers.append(try await FakePeer.start(script)) }
        let urls = peers.compactMap { OutgoingURL($0.url + "/v1/secret-key") }
        let clock = TestClock()
        let node = RPCNode(
            urls: urls, client: try RailBench.client.get(), settings: settings, clock: clock.clock)
        return NodeBench(chain: Chain(node), node: node, peers: peers, clock: clock)
    }

    func stop() async {
        for peer in peers { await peer.stop() }
    }

    /// How often each node was asked.
    var counts: [Int] { peers.map(\.requests.count) }

    static func refusal(_ code: Int, _ message: String) -> FakePeer.Reply {
        .answer(#"{"jsonrpc":"2.0","id":1,"error":{"code":\#(code),"message":"\#(message)"}}"#)
    }

    static func result(_ json: String) -> FakePeer.Reply { .answer(#"{"jsonrpc":"2.0","id":1,"result":\#(json)}"#) }
}

@Suite("Nodes behind URLs")
struct RPCNodeTests {
    let fake = FakeChain.withToken()

    private var honest: @Sendable (FakePeer.Request) -> FakePeer.Reply {
        { [fake] in fake.answer(to: $0) }
    }

    @Test("one call goes as an object, several as a list, and answers find their calls in any order")
    func forms() async throws {
        let bench = try await NodeBench.make([honest])
        #expect(try await bench.chain.chainID() == 84_532)
        let (balance, nonce, code) = try await bench.chain.ask(
            ChainQuery.balance(of: FakeChain.signer.address), ChainQuery.nonce(of: FakeChain.signer.address),
            ChainQuery.code(of: FakeChain.tokenAddress))
        #expect(balance == UInt256(highToLow: 0, 0, 1, 0))
        #expect(nonce == 0)
        #expect(code == [0xFE])
        let requests = bench.peers[0].requests
        #expect(requests.map(\.path) == ["/v1/secret-key", "/v1/secret-key"])
        #expect(requests.map(\.method) == ["POST", "POST"])
        #expect(requests[0].field("content-type") == "application/json")
        #expect(
            String(decoding: requests[0].body, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#)
        guard case .array(let calls) = requests[1].json else {
            Issue.record("no list")
            return
        }
        #expect(calls.map { $0["id"] } == [.number("1"), .number("2"), .number("3")])
        await bench.stop()
    }

    @Test("more calls than one exchange takes go one exchange after another")
    func maxBatch() async throws {
        let bench = try await NodeBench.make([honest]) { $0.maxBatch = 2 }
        let accounts = Array(repeating: FakeChain.signer.address, count: 5)
        let balances = try await bench.chain.ask(ChainQuery.all(accounts.map { ChainQuery.balance(of: $0) }))
        #expect(balances.count == 5)
        #expect(fake.exchanges.map(\.count) == [2, 2, 1])
        await bench.stop()
    }

    /// What a node may do instead of answering.
    static let failures: [(name: String, reply: FakePeer.Reply, code: ChainError.Code)] = [
        ("nothing", .answer(""), .malformedAnswer), ("HTML", .answer("<html></html>"), .malformedAnswer),
        ("HTML of an error", .answer(status: 502, "<html></html>"), .unavailable),
        ("null", .answer("null"), .malformedAnswer), ("an empty object", .answer("{}"), .malformedAnswer),
        ("an empty list", .answer("[]"), .malformedAnswer),
        ("no result", .answer(#"{"jsonrpc":"2.0","id":1}"#), .malformedAnswer),
        ("another id", .answer(#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#), .malformedAnswer),
        ("an id of text", .answer(#"{"jsonrpc":"2.0","id":"1","result":"0x1"}"#), .malformedAnswer),
        (
            "result and error",
            .answer(#"{"jsonrpc":"2.0","id":1,"result":"0x1","error":{"code":1,"message":"x"}}"#), .malformedAnswer
        ),
        ("a name twice", .answer(#"{"jsonrpc":"2.0","id":1,"result":"0x1","result":"0x2"}"#), .malformedAnswer),
        ("an error without a code", .answer(#"{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}"#), .malformedAnswer),
        ("two answers to one call", .answer(#"[{"id":1,"result":"0x1"},{"id":1,"result":"0x1"}]"#), .malformedAnswer),
        ("a fault of its own", NodeBench.refusal(-32603, "internal error"), .unavailable),
        ("a missing block", NodeBench.refusal(-32000, "header not found"), .unavailable),
        ("a parse error", .answer(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#), .unavailable),
        ("an unknown method", NodeBench.refusal(-32601, "the method does not exist"), .misconfigured),
        ("a limit", NodeBench.refusal(-32005, "limit exceeded"), .rateLimited),
        ("429", .answer(status: 429, "{}"), .rateLimited),
        ("500", .answer(status: 500, ""), .unavailable), ("503", .answer(status: 503, "busy"), .unavailable),
        ("401", .answer(status: 401, "{}"), .misconfigured),
        ("a redirect", .answer(status: 307, "", fields: "Location: /\r\n"), .malformedAnswer),
        ("half an answer", .truncated(#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#), .unavailable),
        ("a closed connection", .hangUp, .unavailable), ("silence", .silence, .timeout),
        ("nesting", .answer(String(repeating: "[", count: 100)), .malformedAnswer),
        ("too much", NodeBench.result(#""0x"# + String(repeating: "0", count: 40_000) + #"""#), .malformedAnswer),
    ]

    /// Short only where the node says nothing.
    private static func timeout(of reply: FakePeer.Reply) -> Duration {
        if case .silence = reply { return .seconds(3) }
        return .seconds(30)
    }

    @Test("a node that fails gives an error of its kind, and the next node answers", arguments: failures.indices)
    func failure(index: Int) async throws {
        let (name, reply, code) = Self.failures[index]
        let bench = try await NodeBench.make([{ _ in reply }, honest]) {
            $0.timeout = Self.timeout(of: reply)
            $0.maxAnswerBytes = 32_768
        }
        #expect(try await bench.chain.balance(of: FakeChain.signer.address) == UInt256(highToLow: 0, 0, 1, 0))
        #expect(bench.counts == [1, 1], "\(name)")
        bench.peers[1].answer { _ in reply }
        let error = await #expect(throws: ChainError.self, "\(name)") {
            try await bench.chain.balance(of: FakeChain.signer.address)
        }
        #expect(error?.mayHaveActed == false)
        // A node that wants to be asked less is not asked at once again.
        if code != .rateLimited { #expect(error?.code == code, "\(name)") }
        await bench.stop()
    }

    /// What becomes of a transaction when the first node does that.
    enum Sent {
        case silent
        case answered(mayHaveActed: Bool)
    }

    private func sent(_ index: Int) -> Sent {
        let (name, reply, code) = Self.failures[index]
        switch (reply, code) {
        case (.hangUp, _), (.silence, _), (.truncated, _): return .silent
        case (.answer(let status, _, _), .malformedAnswer) where status == 200: return .silent
        case (_, .misconfigured), (_, .rateLimited): return .answered(mayHaveActed: false)
        default:
            _ = name
            return .answered(mayHaveActed: true)
        }
    }

    @Test("a transaction goes to the next node only after an answer", arguments: failures.indices)
    func sends(index: Int) async throws {
        let (name, reply, _) = Self.failures[index]
        let signed = FakeChain.transaction(nonce: 0, data: [])
        let bench = try await NodeBench.make([{ _ in reply }, honest]) {
            $0.timeout = Self.timeout(of: reply)
            $0.maxAnswerBytes = 32_768
        }
        switch sent(index) {
        case .silent:
            let error = await #expect(throws: ChainError.self, "\(name)") { try await bench.chain.send(signed.raw) }
            #expect(error?.mayHaveActed == true, "\(name)")
            #expect(bench.counts == [1, 0], "\(name)")
        case .answered(let mayHaveActed):
            #expect(try await bench.chain.send(signed.raw) == .accepted(signed.hash), "\(name)")
            #expect(bench.counts == [1, 1])
            // What the second refuses proves something only where the first cannot have taken it.
            fake.mine()
            let again = try await NodeBench.make([{ _ in reply }, honest])
            if mayHaveActed {
                let error = await #expect(throws: ChainError.self) { try await again.chain.send(signed.raw) }
                #expect(error?.mayHaveActed == true, "\(name)")
            } else {
                #expect(try await again.chain.send(signed.raw) == .nonceTooLow, "\(name)")
            }
            await again.stop()
        }
        await bench.stop()
    }

    @Test("a node that took the transaction and failed is made good by another that has it")
    func acceptedThenFailed() async throws {
        let signed = FakeChain.transaction(nonce: 0, data: [])
        let bench = try await NodeBench.make([
            { [fake] request in
                _ = fake.answer(to: request)
                return NodeBench.refusal(-32000, "injected after execution")
            }, honest,
        ])
        #expect(try await bench.chain.send(signed.raw) == .alreadyKnown)
        await bench.stop()
        let alone = try await NodeBench.make([
            { _ in NodeBench.refusal(-32000, "injected after execution") }
        ])
        let error = await #expect(throws: ChainError.self) { try await alone.chain.send(signed.raw) }
        #expect(error == ChainError(.unavailable, mayHaveActed: true, "the node failed"))
        await alone.stop()
    }

    @Test("a node that cannot be reached has certainly not acted")
    func unreachable() async throws {
        let gone = try await FakePeer.start { _ in .hangUp }
        let url = try #require(OutgoingURL(gone.url))
        await gone.stop()
        var settings = RPCSettings(chainID: nil)
        settings.retry.attempts = 1
        let node = RPCNode(urls: [url], client: try RailBench.client.get(), settings: settings)
        let error = await #expect(throws: ChainError.self) { try await Chain(node).send([2]) }
        #expect(error == ChainError(.unavailable, "the node cannot be reached"))
    }

    @Test("an answer to events that is too large is asked for in parts")
    func largeLogs() async throws {
        for index in 0..<8 {
            let transfer = TestPayer().sign(
                TransferVector.usdc.offer, nonce: UInt64(index), validBefore: UInt64(Fixture.now.seconds) + 1000,
                value: UInt256(1))
            let signed = FakeChain.transaction(nonce: UInt64(index), data: FakeChain.callData(transfer))
            #expect(try await Chain(fake).send(signed.raw) == .accepted(signed.hash))
            fake.mine()
        }
        let bench = try await NodeBench.make([honest]) { $0.maxAnswerBytes = 2_000 }
        let logs = try await bench.chain.logs(
            LogFilter(address: FakeChain.tokenAddress, topics: [[TransferLog.usedTopic]], from: 0, to: 8))
        #expect(logs.map(\.blockNumber) == Array(1...8))
        #expect(bench.counts[0] > 1)
        #expect(bench.node.condition == .ready)
        await bench.stop()
    }
}
