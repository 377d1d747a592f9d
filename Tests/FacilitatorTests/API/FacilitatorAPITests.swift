import Facilitator
import Ledger
import Logging
import NIOCore
import Primitives
import Synchronization
import Testing
import Transport
import X402

struct FacilitatorAPITests {
    /// The API on a socket.
    private struct Bench {
        let listener: HTTPListener
        let client: OutgoingClient
        let ledger: any PaymentLedger
        let clock = TestClock()
        let log = LogLines()

        init(
            _ rails: [any Rail]? = nil, keys: String? = nil, rateLimit: RateLimiter.Policy? = nil,
            trust: ProxyTrust = ProxyTrust(), ledger: any PaymentLedger = MemoryLedger()
        ) async throws {
            self.ledger = ledger
            let mock = MockEVMRail(
                AdapterScope(id: "mock", networks: [Fixture.pattern("eip155:*")]), settings: MockEVMSettings())
            let service = FacilitatorService(
                registry: try AdapterRegistry(rails ?? [mock]), ledger: ledger, now: { Fixture.now })
            let log = log
            let api = FacilitatorAPI(
                service: service, keys: try keys.flatMap { Secret($0) }.map { try APIKeys($0) }, rateLimit: rateLimit,
                trust: trust, logger: Logger(label: "test") { _ in log }, clock: clock.clock)
            listener = try await HTTPListener.bind(
                addresses: [.host("127.0.0.1", port: 0)], group: FakePeer.group,
                limits: FacilitatorAPI.serverLimits, delegate: { api.delegate(on: $0) })
            client = try RailBench.client.get()
        }

        func send(
            _ method: String, _ path: String, _ body: [UInt8] = [], fields: [(name: String, value: String)] = []
        ) async throws -> OutgoingResponse {
            let port = listener.localAddresses.first?.port ?? 0
            let url = try #require(OutgoingURL("http://127.0.0.1:\(port)\(path)"))
            return try await client.send(
                OutgoingRequest(method: method, url: url, headers: fields, body: body, isIdempotent: false))
        }

        func stop() async {
            await listener.drain(timeout: .zero)
        }
    }

    private func request(nonce: UInt64 = 1, version: Int = 2) -> [UInt8] {
        let transfer = TestPayer().sign(Fixture.offer, nonce: nonce, validBefore: Fixture.validBefore)
        let payment: Payment = version == 2 ? .v2(transfer, for: Fixture.offer) : .v1(transfer, for: Fixture.offer)
        return FacilitatorRequest(
            x402Version: version, payment: payment, requirements: Fixture.offer, resource: Resource(url: "http://a/x")
        ).encoded()
    }

    private func json(_ response: OutgoingResponse) throws -> JSONValue {
        try JSONValue.parse(response.body)
    }

    private let payer = TransferVector.usdc.payer.checksummed

    @Test("verify and settle answer in the form of their version", arguments: [2, 1])
    func verdicts(version: Int) async throws {
        let bench = try await Bench()
        let body = request(version: version)
        let verified = try await bench.send("POST", "/verify", body)
        #expect(verified.status == 200)
        #expect(verified.value(of: "content-type") == "application/json")
        #expect(verified.value(of: "cache-control") == "no-store")
        #expect(
            try json(verified) == .object([JSONMember("isValid", .bool(true)), JSONMember("payer", .string(payer))]))

        let settled = try await bench.send("POST", "/settle", body)
        #expect(settled.status == 200)
        let answer = try json(settled)
        #expect(answer["success"] == .bool(true))
        #expect(answer["network"] == .string(version == 2 ? "eip155:84532" : "base-sepolia"))
        #expect(answer["payer"] == .string(payer))
        #expect(answer["transaction"]?.string?.hasPrefix("0x") == true)

        let again = try await bench.send("POST", "/settle", body)
        #expect(again.status == 200)
        #expect(try json(again)["success"] == .bool(false))
        #expect(try json(again)["errorReason"] == .string("invalid_exact_evm_nonce_already_used"))
        #expect(try json(again)["transaction"] == .string(""))
        let unverified = try await bench.send("POST", "/verify", body)
        #expect(unverified.status == 200)
        #expect(try json(unverified)["isValid"] == .bool(false))
        #expect(try json(unverified)["invalidReason"] == .string("invalid_exact_evm_nonce_already_used"))
        await bench.stop()
    }

    @Test("the vectors' own requests are read, and their age is told", arguments: TransferVector.all)
    func vectors(vector: TransferVector) async throws {
        let bench = try await Bench()
        for body in [vector.requestV2, vector.requestV1].compactMap({ $0 }) {
            let response = try await bench.send("POST", "/verify", body)
            #expect(response.status == 200)
            // At the time of these tests each of them is valid for longer than a day.
            #expect(try json(response)["invalidReason"] == .string("validity_too_long"))
            #expect(try json(response)["payer"] == .string(vector.payer.checksummed))
        }
        await bench.stop()
    }

    @Test("of 256 settlements of one payment over sockets, one succeeds")
    func race() async throws {
        let bench = try await Bench()
        let body = request()
        let answers = try await withThrowingTaskGroup(of: OutgoingResponse.self) { tasks in
            for _ in 0..<256 { tasks.addTask { try await bench.send("POST", "/settle", body) } }
            return try await tasks.reduce(into: [OutgoingResponse]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(try answers.filter { try json($0)["success"] == .bool(true) }.count == 1)
        #expect(try await bench.ledger.payments(PaymentQuery()).count == 1)
        await bench.stop()
    }

    @Test(
        "malformed bodies are 400 in the shape of their endpoint",
        arguments: [
            ("", "invalid_json"), ("{", "invalid_json"), ("not json", "invalid_json"),
            (#"{"paymentPayload":{},"paymentPayload":{}}"#, "invalid_json"),
            ("{}", "missing_parameters"), ("[]", "missing_parameters"), ("1", "missing_parameters"),
            (#"{"paymentPayload":{}}"#, "missing_parameters"), (#"{"paymentRequirements":{}}"#, "missing_parameters"),
            (#"{"paymentPayload":"x","paymentRequirements":{}}"#, "missing_parameters"),
        ])
    func malformed(body: String, reason: String) async throws {
        let bench = try await Bench()
        let verify = try await bench.send("POST", "/verify", Array(body.utf8))
        #expect(verify.status == 400)
        let verdict = try json(verify)
        #expect(verdict["isValid"] == .bool(false))
        #expect(verdict["invalidReason"] == .string(reason))
        #expect(verdict["invalidMessage"]?.string?.isEmpty == false)
        #expect(verdict["error"] == .string(reason))
        let settle = try await bench.send("POST", "/settle", Array(body.utf8))
        #expect(settle.status == 400)
        let answer = try json(settle)
        #expect(answer["success"] == .bool(false))
        #expect(answer["errorReason"] == .string(reason))
        #expect(answer["transaction"] == .string(""))
        #expect(answer["network"] == .string("unknown:unknown"))
        let ids = [verdict["requestId"]?.string, answer["requestId"]?.string]
        #expect(ids.allSatisfy { $0?.count == 16 })
        #expect(Set(ids).count == 2)
        #expect(bench.log.requestIDs == ids)
        await bench.stop()
    }

    @Test(
        "a wrong version, and fields that cannot be, are verdicts",
        arguments: [
            (
                #"{"x402Version":2,"paymentPayload":{"x402Version":3,"accepted":{},"payload":{}},"paymentRequirements":{}}"#,
                "invalid_x402_version"
            ),
            (
                #"{"x402Version":2,"paymentPayload":{"x402Version":1,"accepted":{},"payload":{}},"paymentRequirements":{}}"#,
                "invalid_x402_version"
            ),
            (
                #"{"x402Version":1,"paymentPayload":{"x402Version":1,"scheme":"exact","network":"solana","payload":{}},"paymentRequirements":{"network":"nowhere"}}"#,
                nil
            ),
        ] as [(String, String?)])
    func wrongVersion(body: String, reason: String?) async throws {
        let bench = try await Bench()
        let verify = try await bench.send("POST", "/verify", Array(body.utf8))
        #expect(verify.status == 200)
        #expect(try json(verify)["isValid"] == .bool(false))
        let settle = try await bench.send("POST", "/settle", Array(body.utf8))
        #expect(settle.status == 200)
        #expect(try json(settle)["success"] == .bool(false))
        #expect(try json(settle)["network"] == .string("unknown:unknown"))
        if let reason {
            #expect(try json(verify)["invalidReason"] == .string(reason))
            #expect(try json(settle)["errorReason"] == .string(reason))
        }
        await bench.stop()
    }

    @Test("/supported lists the registry, /health tells adapters and ledger")
    func lists() async throws {
        let bench = try await Bench()
        let supported = try await bench.send("GET", "/supported")
        #expect(supported.status == 200)
        let answer = try supported.body.withUnsafeBytes { try SupportedAnswer.parse($0) }
        let mock = [JSONMember("mock", .bool(true))]
        #expect(
            answer.kinds == [SupportedAnswer.Kind(x402Version: 2, scheme: "exact", network: "eip155:*", extra: mock)])
        let health = try await bench.send("GET", "/health?full")
        #expect(health.status == 200)
        #expect(
            String(decoding: health.body, as: UTF8.self)
                == #"{"status":"ok","ledger":"ready","adapters":[{"id":"mock","state":"ready"}]}"#)
        await bench.stop()
    }

    @Test("a ledger that is down is 503 with a wait, never a verdict, and health says so")
    func ledgerDown() async throws {
        let bench = try await Bench(ledger: ThrowingLedger())
        for path in ["/verify", "/settle"] {
            let response = try await bench.send("POST", path, request())
            #expect(response.status == 503)
            #expect(response.value(of: "retry-after") == "5")
            #expect(try json(response)["error"] == .string("facilitator_unavailable"))
            #expect(try json(response)["isValid"] == nil)
            #expect(try json(response)["success"] == nil)
        }
        let health = try await bench.send("GET", "/health")
        #expect(health.status == 503)
        #expect(try json(health)["ledger"] == .string("readOnly"))
        await bench.stop()
    }

    @Test("a rail that is down is 503 with a wait, never a verdict")
    func railDown() async throws {
        let stub = StubRail()
        let down = RailError(.timeout, adapter: "stub", "late")
        stub.onVerify { () throws(RailError) in throw down }
        let bench = try await Bench([stub])
        for path in ["/verify", "/settle"] {
            let response = try await bench.send("POST", path, request())
            #expect(response.status == 503)
            #expect(response.value(of: "retry-after") == "5")
        }
        stub.onVerify {}
        stub.onSettle { _ in .unavailable(down) }
        #expect(try await bench.send("POST", "/settle", request()).status == 503)
        await bench.stop()
    }

    @Test(
        "paths and methods",
        arguments: [
            ("GET", "/verify", 200, nil), ("GET", "/settle", 200, nil), ("HEAD", "/health", 200, nil),
            ("GET", "/", 404, nil), ("POST", "/verify/", 404, nil), ("POST", "/VERIFY", 404, nil),
            ("GET", "/metrics", 404, nil), ("PUT", "/verify", 405, "GET, HEAD, POST"),
            ("OPTIONS", "/settle", 405, "GET, HEAD, POST"), ("POST", "/supported", 405, "GET, HEAD"),
            ("DELETE", "/health", 405, "GET, HEAD"), ("post", "/verify", 405, "GET, HEAD, POST"),
        ] as [(String, String, Int, String?)])
    func routing(method: String, path: String, status: Int, allow: String?) async throws {
        let bench = try await Bench()
        let response = try await bench.send(method, path)
        #expect(response.status == status)
        #expect(response.value(of: "allow") == allow)
        if status >= 400 { #expect(try json(response)["requestId"]?.string?.count == 16) }
        if path == "/verify", status == 200 { #expect(try json(response)["endpoint"] == .string("/verify")) }
        if method == "HEAD" { #expect(response.body.isEmpty) }
        await bench.stop()
    }

    @Test("a body over the limit is 413, and nothing of it is read as a request")
    func tooLarge() async throws {
        let bench = try await Bench()
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: FacilitatorAPI.maxBodyBytes)
        let atLimit = try await bench.send("POST", "/verify", Array(padding.dropLast(2)) + Array("{}".utf8))
        #expect(atLimit.status == 400)
        let over = try await bench.send("POST", "/settle", Array(padding.dropLast(1)) + Array("{}".utf8))
        #expect(over.status == 413)
        await bench.stop()
    }

    @Test(
        "a key opens verify and settle in either field",
        arguments: [
            ("Authorization", "Bearer first-key-of-the-shop", 200),
            ("authorization", "bearer first-key-of-the-shop", 200),
            ("X-API-Key", "first-key-of-the-shop", 200), ("x-api-key", "second-key-of-others", 200),
            ("X-API-Key", "first-key-of-the-shoq", 401), ("Authorization", "Basic first-key-of-the-shop", 401),
            ("Authorization", "Bearer ", 401), ("X-Other", "first-key-of-the-shop", 401),
        ])
    func keys(name: String, value: String, status: Int) async throws {
        let bench = try await Bench(keys: "shop:first-key-of-the-shop,other:second-key-of-others")
        for path in ["/verify", "/settle"] {
            let response = try await bench.send("POST", path, request(), fields: [(name, value)])
            #expect(response.status == status)
            if status == 401 {
                #expect(response.value(of: "www-authenticate") == "Bearer")
                #expect(try json(response)["error"] == .string("unauthorized"))
            }
        }
        for path in ["/supported", "/health", "/verify"] {
            #expect(try await bench.send("GET", path).status == 200)
        }
        #expect(!bench.log.text.contains("key-of"))
        await bench.stop()
    }

    @Test("the claim belongs to the key that settled")
    func owner() async throws {
        let bench = try await Bench(keys: "shop:first-key-of-the-shop,other:second-key-of-others")
        let first = [(name: "X-API-Key", value: "first-key-of-the-shop"), (name: "Idempotency-Key", value: "order-1")]
        let second = [(name: "X-API-Key", value: "second-key-of-others"), (name: "Idempotency-Key", value: "order-1")]
        let receipt = try await bench.send("POST", "/settle", request(), fields: first)
        #expect(try json(receipt)["success"] == .bool(true))
        #expect(try await bench.send("POST", "/settle", request(), fields: first).body == receipt.body)
        let other = try await bench.send("POST", "/settle", request(), fields: second)
        #expect(try json(other)["success"] == .bool(false))
        let record = try #require(try await bench.ledger.payments(PaymentQuery()).first)
        guard case .seller(let binding) = record.claim.owner else { return }
        #expect(binding.seller == "shop")
        await bench.stop()
    }

    @Test("an id of the payer is told its result again, is good for no other payment, and is each seller's own")
    func identifiers() async throws {
        let bench = try await Bench(keys: "shop:first-key-of-the-shop,other:second-key-of-others")
        let shop = [(name: "X-API-Key", value: "first-key-of-the-shop")]
        let other = [(name: "X-API-Key", value: "second-key-of-others")]
        func settle(_ nonce: UInt64, _ id: String, _ seller: [(name: String, value: String)]) async throws
            -> OutgoingResponse
        {
            let extensions = #","extensions":{"payment-identifier":{"info":{"required":false,"id":"\#(id)"}}}},"#
            let text = String(decoding: request(nonce: nonce), as: UTF8.self)
                .replacing(#"},"paymentRequirements""#, with: extensions + #""paymentRequirements""#)
            return try await bench.send("POST", "/settle", Array(text.utf8), fields: seller)
        }
        let id = "pay_7d5d747be160e280"
        let receipt = try await settle(1, id, shop)
        #expect(try json(receipt)["success"] == .bool(true))
        #expect(try await settle(1, id, shop).body == receipt.body)
        let conflict = try await settle(2, id, shop)
        #expect(conflict.status == 409)
        #expect(try json(conflict)["errorReason"] == .string("payment_identifier_conflict"))
        #expect(try json(try await settle(2, id, other))["success"] == .bool(true))
        let malformed = try await settle(3, "short", shop)
        #expect(malformed.status == 200)
        #expect(try json(malformed)["errorReason"] == .string("invalid_payment_identifier"))
        await bench.stop()
    }

    @Test("an id for which there is no room is no payment that was settled before: settling is unavailable")
    func noRoomForIdentifiers() async throws {
        let bench = try await Bench(ledger: MemoryLedger(maximumIdentifiers: 1))
        func settle(_ nonce: UInt64) async throws -> OutgoingResponse {
            try await bench.send(
                "POST", "/settle", request(nonce: nonce), fields: [(name: "Idempotency-Key", value: "order-\(nonce)")])
        }
        func settleIdentified(_ nonce: UInt64) async throws -> OutgoingResponse {
            let id = "pay_7d5d747be160e28\(nonce)"
            let extensions = #","extensions":{"payment-identifier":{"info":{"required":false,"id":"\#(id)"}}}},"#
            let text = String(decoding: request(nonce: nonce), as: UTF8.self)
                .replacing(#"},"paymentRequirements""#, with: extensions + #""paymentRequirements""#)
            return try await bench.send("POST", "/settle", Array(text.utf8))
        }
        #expect(try json(try await settleIdentified(1))["success"] == .bool(true))
        #expect(try await settleIdentified(2).status == 503)
        #expect(try json(try await settle(2))["success"] == .bool(true))
        await bench.stop()
    }

    @Test("settle is limited for each caller, verify is not")
    func rateLimit() async throws {
        let bench = try await Bench(
            keys: "shop:first-key-of-the-shop,other:second-key-of-others",
            rateLimit: RateLimiter.Policy(perMinute: 60, burst: 2))
        let shop = [(name: "X-API-Key", value: "first-key-of-the-shop")]
        let other = [(name: "X-API-Key", value: "second-key-of-others")]
        for status in [200, 200, 429] {
            #expect(try await bench.send("POST", "/settle", request(), fields: shop).status == status)
        }
        let refused = try await bench.send("POST", "/settle", request(), fields: shop)
        #expect(refused.value(of: "retry-after") == "2")
        #expect(try json(refused)["error"] == .string("rate_limited"))
        #expect(try await bench.send("POST", "/verify", request(), fields: shop).status == 200)
        #expect(try await bench.send("POST", "/settle", request(), fields: other).status == 200)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.send("POST", "/settle", request(), fields: shop).status == 200)
        await bench.stop()
    }

    @Test("without keys the limit is by address")
    func rateLimitByAddress() async throws {
        let bench = try await Bench(rateLimit: RateLimiter.Policy(perMinute: 60, burst: 1))
        #expect(try await bench.send("POST", "/settle", request()).status == 200)
        #expect(try await bench.send("POST", "/settle", request()).status == 429)
        await bench.stop()
    }

    @Test("behind a trusted proxy it is by the address that the proxy names")
    func rateLimitBehindProxy() async throws {
        let proxies = TrustedPeers(blocks: CIDRSet([try CIDRBlock("127.0.0.1")]))
        let bench = try await Bench(
            rateLimit: RateLimiter.Policy(perMinute: 60, burst: 1), trust: ProxyTrust(peers: proxies))
        for (chain, status) in [
            ("192.0.2.1", 200), ("192.0.2.1", 429), ("9.9.9.9, 192.0.2.1", 429), ("192.0.2.2", 200),
        ] {
            let fields = [(name: "X-Forwarded-For", value: chain)]
            #expect(try await bench.send("POST", "/settle", request(), fields: fields).status == status)
        }
        await bench.stop()
    }

    @Test("a head that is no HTTP is refused with an error body")
    func malformedHead() async throws {
        let bench = try await Bench()
        let field = (name: "X-Long", value: String(repeating: "a", count: 16 * 1024))
        let response = try await bench.send("GET", "/health", fields: [field])
        #expect(response.status == 431)
        #expect(try json(response)["error"] == .string("malformed_request"))
        await bench.stop()
    }

    @Test(
        "a listener that is open to the world is warned of, with its address",
        arguments: [
            ("0.0.0.0:3402", false, "0.0.0.0:3402"), ("[::]:3402", false, "[::]:3402"),
            ("10.0.0.5:80", false, "10.0.0.5:80"),
            ("127.0.0.1:3402", false, nil), ("[::1]:3402", false, nil), ("localhost:1", false, nil),
            ("unix:/run/f.sock", false, nil), ("0.0.0.0:3402", true, nil),
        ] as [(String, Bool, String?)])
    func exposure(address: String, hasKeys: Bool, expected: String?) throws {
        let address = try #require(ListenAddress(address))
        let warning = FacilitatorAPI.exposureWarning(addresses: [address], hasKeys: hasKeys, isPayToLimited: true)
        #expect((warning == nil) == (expected == nil))
        if let expected { #expect(warning?.contains(expected) == true) }
    }
}

/// A log that keeps its lines.
private final class LogLines: LogHandler, Sendable {
    private let lines = Mutex<[Logger.Metadata]>([])

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append(event.metadata ?? [:]) }
    }

    var requestIDs: [String?] { lines.withLock { $0.map { $0["request"].map { "\($0)" } } } }
    var text: String { lines.withLock { "\($0)" } }
}
