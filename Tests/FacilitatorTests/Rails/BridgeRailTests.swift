import Facilitator
import Ledger
import Primitives
import Testing
import X402

struct BridgeRailTests {
    private func bench(
        _ script: @escaping @Sendable (FakePeer.Request) -> FakePeer.Reply
    ) async throws -> RailBench {
        try await bench({ _ in }, script)
    }

    private func bench(
        _ change: (inout BridgeSettings) -> Void, _ script: @escaping @Sendable (FakePeer.Request) -> FakePeer.Reply
    ) async throws -> RailBench {
        let peer = try await FakePeer.start(script)
        var settings = BridgeSettings(baseURL: peer.url)
        change(&settings)
        return try await RailBench.make(.bridge, .bridge(settings), peer: peer)
    }

    private func order(_ bench: RailBench) throws -> SettleOrder {
        let identity = try #require(bench.rail.identity(of: bench.payment, for: bench.offer))
        return SettleOrder(
            payment: bench.payment, requirements: bench.offer, identity: identity, payer: "bank:alice")
    }

    @Test("the bridge gets network, inner payload and requirements, with key and credentials in their fields")
    func contract() async throws {
        let bench = try await bench(
            {
                $0.verifyPath = "/v1/check"
                $0.settlePath = "v1/pay"
                $0.apiKey = Secret("bridge-api-key")
            },
            { request in
                request.path == "/v1/check"
                    ? .answer(#"{"valid":true,"payer":"bank:alice"}"#)
                    : .answer(#"{"success":true,"payer":"bank:alice","transaction":"tx-1"}"#)
            })
        let verified = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        let order = try order(bench)
        #expect(verified == .valid(VerifiedPayment(identity: order.identity, payer: "bank:alice", validBefore: nil)))
        #expect(await bench.rail.settle(order) == .settled(transaction: "tx-1", payer: "bank:alice"))

        let requests = bench.peer?.requests ?? []
        let expected = #"""
            {"network":"offchain:bank","paymentPayload":{"paymentIntentId":"pi_1","signature":"s"},"paymentRequirements":{"scheme":"exact","network":"offchain:bank","amount":"250","asset":"USD","payTo":"merchant-1","maxTimeoutSeconds":300}}
            """#
        #expect(requests.map(\.path) == ["/v1/check", "/v1/pay"])
        #expect(requests.map(\.method) == ["POST", "POST"])
        for request in requests {
            #expect(String(decoding: request.body, as: UTF8.self) == expected)
            #expect(request.field("authorization") == "Bearer bridge-api-key")
            #expect(request.field("content-type") == "application/json")
        }
        #expect(requests.map { $0.field("idempotency-key") } == [nil, order.identity.publicID])
        await bench.peer?.stop()
    }

    @Test(
        "a refusal is a verdict, with the bridge's code where it is one",
        arguments: [
            (#"{"valid":false,"payer":null,"reason":"insufficient_funds"}"#, ReasonCode.insufficientFunds),
            (#"{"valid":false,"reason":"No such intent: <b>x</b>"}"#, .invalidPayload),
            (#"{"valid":false,"reason":null}"#, .invalidPayload), (#"{"valid":false}"#, .invalidPayload),
            (#"{"valid":false,"payer":"bank:alice","more":[1]}"#, .invalidPayload),
        ])
    func refusal(body: String, reason: ReasonCode) async throws {
        let bench = try await bench { _ in .answer(body) }
        let outcome = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        guard case .invalid(reason, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        await bench.peer?.stop()
    }

    /// Answers that are no verdict and no settlement, whatever they look like.
    static let silences: [(name: String, reply: FakePeer.Reply)] = [
        ("empty", .answer("")), ("not JSON", .answer("<html><body>Welcome</body></html>")),
        ("an array", .answer("[]")), ("an empty object", .answer("{}")),
        ("text for truth", .answer(#"{"valid":"true","success":"true","payer":"p","transaction":"t"}"#)),
        ("number for truth", .answer(#"{"valid":1,"success":1,"payer":"p","transaction":"t"}"#)),
        ("null for truth", .answer(#"{"valid":null,"success":null,"payer":"p","transaction":"t"}"#)),
        (
            "a name twice",
            .answer(
                #"{"valid":false,"valid":true,"success":false,"success":true,"payer":"p","transaction":"t"}"#)
        ),
        ("payer of another type", .answer(#"{"valid":true,"success":true,"payer":{},"transaction":"t"}"#)),
        ("reason of another type", .answer(#"{"valid":true,"success":true,"payer":"p","transaction":"t","reason":1}"#)),
        (
            "control bytes in the names",
            .answer(#"{"valid":true,"success":true,"payer":"p\u000ax","transaction":"t\u0000"}"#)
        ),
        ("trailing bytes", .answer(#"{"valid":true,"success":true,"payer":"p","transaction":"t"}{"#)),
        (
            "over one mebibyte",
            .answer(
                #"{"valid":true,"success":true,"payer":"p","transaction":"t","x":""#
                    + String(repeating: "x", count: 1 << 20) + #""}"#)
        ),
        ("cut off", .truncated(#"{"valid":true,"success":true,"payer":"p","transaction":"t"}"#)),
        ("closed without an answer", .hangUp),
        ("too late", .silence),
        ("a redirect", .answer(status: 302, "{}", fields: "Location: /elsewhere\r\n")),
        (
            "a success in a 500",
            .answer(status: 500, #"{"valid":true,"success":true,"payer":"p","transaction":"t"}"#)
        ),
        ("another 2xx", .answer(status: 202, #"{"valid":true,"success":true,"payer":"p","transaction":"t"}"#)),
        ("a refusal in a 400", .answer(status: 400, #"{"valid":false,"success":false,"reason":"insufficient_funds"}"#)),
    ]

    /// Short only where the peer says nothing, so that a busy machine changes no other outcome.
    private static func timeout(of index: Int) -> Duration {
        if case .silence = silences[index].reply { return .seconds(2) }
        return .seconds(30)
    }

    @Test("what is not the contract's answer is no verdict on verify", arguments: silences.indices)
    func noVerdict(index: Int) async throws {
        let bench = try await bench({
            $0.timeout = Self.timeout(of: index)
            $0.retry.attempts = 1
        }) { _ in Self.silences[index].reply }
        await #expect(throws: RailError.self, "\(Self.silences[index].name)") {
            try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        }
        await bench.peer?.stop()
    }

    @Test("what is not the contract's answer leaves a settlement's fate open", arguments: silences.indices)
    func unknownFate(index: Int) async throws {
        let bench = try await bench({ $0.timeout = Self.timeout(of: index) }) { _ in Self.silences[index].reply }
        let outcome = await bench.rail.settle(try order(bench))
        #expect(outcome == .unknown(transaction: nil), "\(Self.silences[index].name)")
        #expect(bench.peer?.requests.count == 1)
        await bench.peer?.stop()
    }

    @Test(
        "settle answers are read for what they prove",
        arguments: [
            (
                200, #"{"success":true,"payer":"p","transaction":"t"}"#,
                SettleOutcome.settled(transaction: "t", payer: "p")
            ),
            (200, #"{"success":true,"transaction":"t"}"#, .settled(transaction: "t", payer: nil)),
            (200, #"{"success":true,"payer":"p","transaction":""}"#, .unknown(transaction: nil)),
            (200, #"{"success":true,"payer":"p"}"#, .unknown(transaction: nil)),
            (200, #"{"success":false,"reason":"insufficient_funds"}"#, .refused(.insufficientFunds, message: nil)),
            (200, #"{"success":false,"reason":"Try later"}"#, .refused(.transactionFailed, message: nil)),
            (200, #"{"success":false,"reason":"settlement_pending","transaction":"t"}"#, .unknown(transaction: "t")),
            (503, "{}", .unknown(transaction: nil)), (409, "{}", .unknown(transaction: nil)),
        ])
    func settle(status: Int, body: String, expected: SettleOutcome) async throws {
        let bench = try await bench { _ in .answer(status: status, body) }
        #expect(await bench.rail.settle(try order(bench)) == expected)
        await bench.peer?.stop()
    }

    @Test("a bridge that turns the request down has not moved value", arguments: [401, 403, 404, 405, 413, 415, 429])
    func notActed(status: Int) async throws {
        let bench = try await bench { _ in .answer(status: status, "{}") }
        let outcome = await bench.rail.settle(try order(bench))
        guard case .unavailable(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.code == (status == 401 || status == 403 ? .misconfigured : .unavailable))
        await bench.peer?.stop()
    }

    @Test("verify is tried again after pauses, and gives up after its attempts")
    func verifyRetries() async throws {
        let bench = try await bench { _ in .answer(status: 503, "{}") }
        await #expect(throws: RailError.self) {
            try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        }
        #expect(bench.peer?.requests.count == 3)
        #expect(bench.clock.slept.count == 2)

        bench.peer?.answer(FakeBridge.takesAll)
        let outcome = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        #expect(
            outcome
                == .valid(VerifiedPayment(identity: try order(bench).identity, payer: "bank:alice", validBefore: nil)))
        await bench.peer?.stop()
    }

    @Test(
        "settle is repeated only where the bridge keeps idempotency keys, and then with the same key",
        arguments: [(false, 1), (true, 3)])
    func settleRetries(isIdempotent: Bool, calls: Int) async throws {
        let bench = try await bench({ $0.isIdempotent = isIdempotent }) { _ in .answer(status: 500, "{}") }
        let order = try order(bench)
        #expect(await bench.rail.settle(order) == .unknown(transaction: nil))
        let keys = bench.peer?.requests.map { $0.field("idempotency-key") } ?? []
        #expect(keys == Array(repeating: order.identity.publicID, count: calls))
        await bench.peer?.stop()
    }

    @Test("a settle that may not be repeated goes over a connection of its own")
    func connections() async throws {
        let bench = try await bench(FakeBridge.takesAll)
        for _ in 0..<2 { _ = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now) }
        for _ in 0..<2 { _ = await bench.rail.settle(try order(bench)) }
        let ports = bench.peer?.requests.map(\.port) ?? []
        #expect(ports.count == 4)
        #expect(Set(ports.suffix(2)).count == 2)
        #expect(Set(ports.suffix(2)).isDisjoint(with: ports.prefix(2)))
        await bench.peer?.stop()
    }

    @Test("a refusal of credentials after an attempt that may have paid proves nothing")
    func refusedLater() async throws {
        let bench = try await bench({ $0.isIdempotent = true }) { _ in .answer(status: 500, "{}") }
        let peer = try #require(bench.peer)
        peer.answer { _ in
            .answer(status: peer.requests.count == 1 ? 502 : 401, "{}")
        }
        #expect(await bench.rail.settle(try order(bench)) == .unknown(transaction: nil))
        #expect(peer.requests.count == 2)
        await peer.stop()
    }

    @Test("a transaction that settled one payment settles no other")
    func oneTransaction() async throws {
        let bench = try await bench { _ in .answer(#"{"success":true,"payer":"p","transaction":"tx-1"}"#) }
        let first = try order(bench)
        #expect(await bench.rail.settle(first) == .settled(transaction: "tx-1", payer: "p"))
        var second = first
        second.payment = Fixture.bankPayment([("signature", .string("s"))])
        second.identity = try #require(bench.rail.identity(of: second.payment, for: bench.offer))
        let outcome = await bench.rail.settle(second)
        guard case .refused(.duplicateSettlement, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        // The first may be told again, and another network has transactions of its own.
        #expect(await bench.rail.settle(first) == .settled(transaction: "tx-1", payer: "p"))
        second.requirements.network = Fixture.network("offchain:other")
        #expect(await bench.rail.settle(second) == .settled(transaction: "tx-1", payer: "p"))
        await bench.peer?.stop()
    }

    @Test("a transaction that cannot be kept apart is not believed")
    func ledgerDown() async throws {
        let bench = try await bench { _ in .answer(#"{"success":true,"payer":"p","transaction":"tx-1"}"#) }
        await bench.ledger.close()
        #expect(await bench.rail.settle(try order(bench)) == .unknown(transaction: "tx-1"))
        await bench.peer?.stop()
    }

    @Test(
        "asking again is for bridges that keep idempotency keys",
        arguments: [
            (false, 0, SettleOutcome.unknown(transaction: "old")), (true, 1, .settled(transaction: "tx-1", payer: "p")),
        ])
    func reconcile(isIdempotent: Bool, calls: Int, expected: SettleOutcome) async throws {
        let bench = try await bench({ $0.isIdempotent = isIdempotent }) { _ in
            .answer(#"{"success":true,"payer":"p","transaction":"tx-1"}"#)
        }
        let order = try order(bench)
        #expect(await bench.rail.reconcile(bench.record(order, transaction: "old")) == expected)
        #expect(
            bench.peer?.requests.map { $0.field("idempotency-key") }
                == Array(repeating: order.identity.publicID, count: calls))
        await bench.peer?.stop()
    }

    @Test("a bridge that cannot be reached on asking again leaves the fate open")
    func reconcileUnreachable() async throws {
        let bench = try await bench({ $0.isIdempotent = true }) { _ in .hangUp }
        let record = bench.record(try order(bench), transaction: "old")
        await bench.peer?.stop()
        #expect(await bench.rail.reconcile(record) == .unknown(transaction: "old"))
    }

    @Test("an echo of other terms is refused before the bridge is asked")
    func echo() async throws {
        let bench = try await bench(FakeBridge.takesAll)
        let changes: [@Sendable (inout AcceptedOffer) -> Void] = [
            { $0.amount = UInt256(1) }, { $0.asset = .named("EUR") }, { $0.payTo = .named("other") },
        ]
        for change in changes {
            var payment = bench.payment
            guard var accepted = payment.accepted else { continue }
            change(&accepted)
            payment.accepted = accepted
            let outcome = try await bench.rail.verify(payment, for: bench.offer, now: Fixture.now)
            #expect(outcome == .invalid(.invalidPaymentRequirements, payer: nil))
        }
        #expect(bench.peer?.requests.isEmpty == true)
        await bench.peer?.stop()
    }

    @Test("a bridge that fails in a row is left alone for a while, and then asked once")
    func breaker() async throws {
        let bench = try await bench({
            $0.breaker.failures = 2
            $0.breaker.pause = .seconds(10)
            $0.retry.attempts = 1
        }) { _ in .answer(status: 500, "{}") }
        for _ in 0..<2 { _ = await bench.rail.settle(try order(bench)) }
        #expect(bench.rail.condition == .breakerOpen)
        let outcome = await bench.rail.settle(try order(bench))
        guard case .unavailable(let error) = outcome, error.code == .breakerOpen else {
            Issue.record("\(outcome)")
            return
        }
        #expect(bench.peer?.requests.count == 2)
        bench.clock.advance(by: .seconds(10))
        bench.peer?.answer(FakeBridge.takesAll)
        _ = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        #expect(bench.rail.condition == .ready)
        await bench.peer?.stop()
    }
}
