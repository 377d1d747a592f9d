import Facilitator
import Ledger
import Primitives
import Testing
import X402

struct RemoteRailTests {
    private func bench(
        _ script: @escaping @Sendable (FakePeer.Request) -> FakePeer.Reply
    ) async throws -> RailBench {
        try await bench({ _ in }, script)
    }

    private func bench(
        _ change: (inout RemoteSettings) -> Void, _ script: @escaping @Sendable (FakePeer.Request) -> FakePeer.Reply
    ) async throws -> RailBench {
        let peer = try await FakePeer.start(script)
        var settings = RemoteSettings(url: peer.url + "/x402")
        change(&settings)
        return try await RailBench.make(.remote, .remote(settings), peer: peer)
    }

    private func order(_ bench: RailBench) throws -> SettleOrder {
        let identity = try #require(bench.rail.identity(of: bench.payment, for: bench.offer))
        return SettleOrder(
            payment: bench.payment, requirements: bench.offer, identity: identity,
            payer: TransferVector.usdc.payer.checksummed)
    }

    /// A settle answer with defaults that make it good.
    private static func settled(
        success: String = "true", transaction: String = FakeFacilitator.transaction, network: String = "eip155:84532",
        more: String = ""
    ) -> String {
        #"{"success":\#(success),"transaction":"\#(transaction)","network":"\#(network)"\#(more)}"#
    }

    @Test("version 2 and version 1 payments go out in their own form, the plain form as version 2")
    func forms() async throws {
        let bench = try await bench({ $0.apiKey = Secret("remote-key") }) { request in
            request.path == "/x402/verify"
                ? .answer(#"{"isValid":true}"#) : .answer(Self.settled(network: "base-sepolia"))
        }
        guard case .transfer(let transfer) = bench.payment.payload else { return }
        let plain = Payment(form: .plain, scheme: "exact", network: nil, payload: .transfer(transfer))
        for payment in [bench.payment, .v1(transfer, for: bench.offer), plain] {
            let outcome = try await bench.rail.verify(payment, for: bench.offer, now: Fixture.now)
            guard case .valid(let verified) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(verified.identity == PaymentIdentity(of: bench.payment, for: bench.offer))
            #expect(verified.payer == TransferVector.usdc.payer.checksummed)
        }
        let requests = bench.peer?.requests ?? []
        #expect(requests.count == 3)
        #expect(requests.allSatisfy { $0.path == "/x402/verify" && $0.field("authorization") == "Bearer remote-key" })
        for (request, version) in zip(requests, [2, 1, 2]) {
            guard case .request(let read) = request.body.withUnsafeBytes({ FacilitatorRequest.parse($0) }) else {
                Issue.record("version \(version) cannot be read")
                continue
            }
            #expect(read.x402Version == version)
            #expect(read.payment.payload == .transfer(transfer))
            #expect(read.requirements == bench.offer)
        }
        var order = try order(bench)
        order.payment = .v1(transfer, for: bench.offer)
        // A version 1 answer names the network in version 1's way.
        #expect(
            await bench.rail.settle(order)
                == .settled(transaction: FakeFacilitator.transaction, payer: TransferVector.usdc.payer.checksummed))
        await bench.peer?.stop()
    }

    @Test("terms that are not ours are refused without asking")
    func localTerms() async throws {
        let bench = try await bench(FakeFacilitator.takesAll)
        let cheap = TestPayer().sign(bench.offer, validBefore: Fixture.validBefore, value: UInt256(1))
        let outcome = try await bench.rail.verify(.v2(cheap, for: bench.offer), for: bench.offer, now: Fixture.now)
        #expect(outcome == .invalid(.valueMismatch, payer: TransferVector.usdc.payer.checksummed))
        #expect(bench.peer?.requests.isEmpty == true)
        await bench.peer?.stop()
    }

    @Test(
        "verify answers are read for what they prove",
        arguments: [
            (200, #"{"isValid":true}"#, nil),
            (200, #"{"isValid":false,"invalidReason":"insufficient_funds"}"#, .insufficientFunds),
            (200, #"{"isValid":false}"#, .invalidPayload),
            (200, #"{"isValid":false,"invalidReason":"Some text"}"#, .invalidPayload),
            // Some facilitators refuse with other statuses than 200.
            (400, #"{"isValid":false,"invalidReason":"invalid_signature"}"#, ReasonCode(rawValue: "invalid_signature")),
            (
                412, #"{"isValid":false,"invalidReason":"permit2_allowance_required"}"#,
                ReasonCode(rawValue: "permit2_allowance_required")
            ),
        ] as [(Int, String, ReasonCode?)])
    func verify(status: Int, body: String, reason: ReasonCode?) async throws {
        let bench = try await bench { _ in .answer(status: status, body) }
        switch try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now) {
        case .valid: #expect(reason == nil)
        case .invalid(let found, let payer):
            #expect(found == reason)
            #expect(payer == TransferVector.usdc.payer.checksummed)
        }
        await bench.peer?.stop()
    }

    /// Short only where the peer says nothing, so that a busy machine changes no other outcome.
    private static func timeout(of reply: FakePeer.Reply) -> Duration {
        if case .silence = reply { return .seconds(2) }
        return .seconds(30)
    }

    static let noVerdicts: [(name: String, reply: FakePeer.Reply)] = [
        ("empty", .answer("")), ("HTML", .answer("<html></html>")), ("empty object", .answer("{}")),
        ("text for truth", .answer(#"{"isValid":"true"}"#)),
        ("a name twice", .answer(#"{"isValid":false,"isValid":true}"#)),
        ("another payer", .answer(#"{"isValid":true,"payer":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}"#)),
        ("payer of another type", .answer(#"{"isValid":true,"payer":1}"#)),
        ("truth in a 400", .answer(status: 400, #"{"isValid":true}"#)),
        ("truth in a 500", .answer(status: 500, #"{"isValid":true}"#)),
        ("a refusal in a 500", .answer(status: 500, #"{"isValid":false,"invalidReason":"unexpected_error"}"#)),
        ("our request is bad JSON", .answer(status: 400, #"{"isValid":false,"invalidReason":"invalid_json"}"#)),
        ("our request lacks something", .answer(#"{"isValid":false,"invalidReason":"missing_parameters"}"#)),
        ("our version is not spoken", .answer(#"{"isValid":false,"invalidReason":"invalid_x402_version"}"#)),
        ("no credentials", .answer(status: 401, #"{"isValid":false,"invalidReason":"unauthorized"}"#)),
        ("a redirect", .answer(status: 307, #"{"isValid":true}"#, fields: "Location: /verify\r\n")),
        ("over one mebibyte", .answer(#"{"isValid":true,"x":""# + String(repeating: "x", count: 1 << 20) + #""}"#)),
        ("cut off", .truncated(#"{"isValid":true}"#)), ("closed", .hangUp), ("too late", .silence),
    ]

    @Test("everything else is no verdict", arguments: noVerdicts.indices)
    func noVerdict(index: Int) async throws {
        let bench = try await bench({ $0.timeout = Self.timeout(of: Self.noVerdicts[index].reply) }) { _ in
            Self.noVerdicts[index].reply
        }
        await #expect(throws: RailError.self, "\(Self.noVerdicts[index].name)") {
            try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        }
        #expect(bench.peer?.requests.count == 1)
        await bench.peer?.stop()
    }

    enum Fate: Sendable {
        case settled, refused(ReasonCode), unknown(String?), unavailable
    }

    static let settlements: [(name: String, reply: FakePeer.Reply, fate: Fate)] = [
        ("success", .answer(settled()), .settled),
        (
            "success with the payer", .answer(settled(more: #","payer":"\#(TransferVector.usdc.payer.lowercased)""#)),
            .settled
        ),
        ("success on another network", .answer(settled(network: "eip155:8453")), .unknown(FakeFacilitator.transaction)),
        (
            "success of another payer", .answer(settled(more: #","payer":"\#(Address.zero.lowercased)""#)),
            .unknown(FakeFacilitator.transaction)
        ),
        ("success without a transaction", .answer(settled(transaction: "")), .unknown(nil)),
        ("success in a 400", .answer(status: 400, settled()), .unknown(FakeFacilitator.transaction)),
        ("success in a 500", .answer(status: 500, settled()), .unknown(nil)),
        ("success in a redirect", .answer(status: 302, settled(), fields: "Location: /settle\r\n"), .unknown(nil)),
        ("no network", .answer(#"{"success":true,"transaction":"0x1"}"#), .unknown(nil)),
        ("text for truth", .answer(settled(success: #""true""#)), .unknown(nil)),
        ("a name twice", .answer(settled(more: #","success":true"#)), .unknown(nil)),
        ("HTML", .answer("<html></html>"), .unknown(nil)), ("empty", .answer(""), .unknown(nil)),
        ("cut off", .truncated(settled()), .unknown(nil)), ("closed", .hangUp, .unknown(nil)),
        ("too late", .silence, .unknown(nil)),
        (
            "over one mebibyte",
            .answer(settled(more: #","x":""# + String(repeating: "x", count: 1 << 20) + #"""#)), .unknown(nil)
        ),
        (
            "refused",
            .answer(settled(success: "false", transaction: "", more: #","errorReason":"insufficient_funds""#)),
            .refused(.insufficientFunds)
        ),
        (
            "refused in a 400",
            .answer(status: 400, settled(success: "false", transaction: "", more: #","errorReason":"invalid_scheme""#)),
            .refused(.invalidScheme)
        ),
        ("refused without a reason", .answer(settled(success: "false", transaction: "")), .refused(.transactionFailed)),
        (
            "pending", .answer(settled(success: "false", more: #","errorReason":"settlement_pending""#)),
            .unknown(FakeFacilitator.transaction)
        ),
        (
            "a failure nobody understands",
            .answer(settled(success: "false", transaction: "", more: #","errorReason":"unexpected_settle_error""#)),
            .unknown(nil)
        ),
        (
            "our request is bad",
            .answer(
                status: 400,
                settled(
                    success: "false", transaction: "", network: "unknown:unknown",
                    more: #","errorReason":"missing_parameters""#)), .unavailable
        ),
        ("no credentials", .answer(status: 401, "{}"), .unavailable),
        ("no such path", .answer(status: 404, "x"), .unavailable),
        ("too many", .answer(status: 429, "{}"), .unavailable),
        ("a server error", .answer(status: 503, "{}"), .unknown(nil)),
        ("a conflict", .answer(status: 409, "{}"), .unknown(nil)),
    ]

    @Test("settle answers are read for what they prove, and asked for once", arguments: settlements.indices)
    func settle(index: Int) async throws {
        let (name, reply, fate) = Self.settlements[index]
        let bench = try await bench({ $0.settleTimeout = Self.timeout(of: reply) }) { _ in reply }
        let outcome = await bench.rail.settle(try order(bench))
        switch (outcome, fate) {
        case (.settled(FakeFacilitator.transaction, TransferVector.usdc.payer.checksummed), .settled): break
        case (.refused(let found, _), .refused(let reason)): #expect(found == reason, "\(name)")
        case (.unknown(let found), .unknown(let transaction)): #expect(found == transaction, "\(name)")
        case (.unavailable, .unavailable): break
        default: Issue.record("\(name): \(outcome)")
        }
        #expect(bench.peer?.requests.count == 1)
        await bench.peer?.stop()
    }

    @Test("after an unknown fate only success decides: a refusal may come from the first attempt having paid")
    func reconcile() async throws {
        let bench = try await bench { _ in .answer(Self.settled()) }
        let order = try order(bench)
        let record = bench.record(order, transaction: "0xold")
        #expect(
            await bench.rail.reconcile(record)
                == .settled(transaction: FakeFacilitator.transaction, payer: TransferVector.usdc.payer.checksummed))
        let used = Self.settled(
            success: "false", transaction: "", more: #","errorReason":"invalid_exact_evm_nonce_already_used""#)
        for reply in [FakePeer.Reply.answer(used), .answer(status: 503, "{}"), .answer(status: 401, "{}"), .hangUp] {
            bench.peer?.answer { _ in reply }
            #expect(await bench.rail.reconcile(record) == .unknown(transaction: "0xold"))
        }
        await bench.peer?.stop()
    }

    @Test("what the other side serves is read strictly")
    func supported() async throws {
        let bench = try await bench({ $0.breaker.failures = 100 }, FakeFacilitator.takesAll)
        let rail = try #require(bench.rail as? RemoteRail)
        bench.peer?.answer { request in
            .answer(
                #"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532"}],"extensions":[],"signers":{"eip155:*":["0x1"]}}"#
            )
        }
        let answer = try await rail.fetchSupported()
        #expect(answer.kinds == [SupportedAnswer.Kind(x402Version: 2, scheme: "exact", network: "eip155:84532")])
        #expect(answer.signers == [SupportedAnswer.Signers(pattern: "eip155:*", signers: ["0x1"])])
        #expect(bench.peer?.requests.map(\.path) == ["/x402/supported"])
        for reply in [
            FakePeer.Reply.answer("{}"), .answer(#"{"kinds":{}}"#), .answer(#"{"kinds":[{"x402Version":"2"}]}"#),
            .answer(status: 500, #"{"kinds":[]}"#), .answer(status: 301, #"{"kinds":[]}"#), .hangUp,
        ] {
            bench.peer?.answer { _ in reply }
            await #expect(throws: RailError.self) { try await rail.fetchSupported() }
        }
        await bench.peer?.stop()
    }

    @Test("answers that cannot be believed open the breaker; refusals do not")
    func breaker() async throws {
        let bench = try await bench({ $0.breaker.failures = 2 }) { _ in
            .answer(#"{"isValid":false,"invalidReason":"insufficient_funds"}"#)
        }
        for _ in 0..<4 { _ = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now) }
        #expect(bench.rail.condition == .ready)
        bench.peer?.answer { _ in .answer("<html></html>") }
        for _ in 0..<3 { _ = try? await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now) }
        #expect(bench.rail.condition == .breakerOpen)
        #expect(bench.peer?.requests.count == 6)
        await bench.peer?.stop()
    }
}
