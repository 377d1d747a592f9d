import EVM
import Facilitator
import Foundation
import Ledger
import NIOCore
import NIOPosix
import Primitives
import Proxy
import RouteFile
import Testing
import Transport
import X402

@testable import farebox

/// A process's parts on real sockets: rails are mocks, the ledger is memory or a file.
@Suite("A running process", .serialized)
struct NodeTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func text(price: String = "$0.001", ledger: String = "memory:", upstream: Int) -> String {
        """
        [server]
        listen = "127.0.0.1:0"
        access_log = false
        drain_timeout = "2s"
        [facilitator]
        listen = "127.0.0.1:0"
        [ledger]
        url = "\(ledger)"
        [payments]
        pay_to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        accepts = ["usdc@base-sepolia"]
        [[upstreams]]
        name = "api"
        url = "http://127.0.0.1:\(upstream)"
        [[routes]]
        match = "GET /v1/weather/:city"
        upstream = "api"
        price = "\(price)"
        [[adapters]]
        kind = "evm"
        id = "chain"
        networks = ["eip155:84532"]
        [adapters.backend]
        type = "mock"
        """
    }

    private func session(_ node: Node, _ client: OutgoingClient, form: PaymentForm? = nil) throws -> PaySession {
        let address = try #require(node.paywallAddress?.text)
        var session = PaySession(
            client: client,
            request: try PayRequest(url: address + "/v1/weather/berlin", method: nil, headerLines: [], data: nil),
            policy: PayerPolicy(limit: try SpendingLimit("$0.01")), notes: PayNotes(isSilent: true),
            now: PaywallShared.systemTime)
        session.form = form
        return session
    }

    /// Asks, signs and pays; the payment that was made, and what came of it.
    private func pay(_ session: PaySession) async throws -> (payment: PaymentField, report: PayReport) {
        var generator = SystemRandomNumberGenerator()
        let key = PrivateKey.random()
        guard case .pay(let order, let echo) = await session.ask(payer: key.address, nonce: .random(using: &generator))
        else { throw NodeFailure("no price was asked") }
        let payment = order.signed(by: key)
        let field = PaymentField(payment, payload: echo.payload(of: payment, for: order.offer.requirements))
        return (field, await session.send(field))
    }

    @Test("it sells in every form, refuses a payment it has seen, and records each")
    func sells() async throws {
        let upstream = try await DemoUpstream.start(group: group)
        let plan = NodePlan(file: try RouteFile.parse(text: text(upstream: upstream.port)))
        let client = try OutgoingClient(group: group)
        let log = LogOutput(isSilent: true)
        try await Node.run(plan, group: group, log: log) { node in
            await expectNoThrow {
                for form in [PaymentForm.v2, .v1, .plain] {
                    let session = try session(node, client, form: form)
                    let (payment, report) = try await pay(session)
                    #expect(report.status == .success)
                    #expect(report.response?.body == Array(DemoWeather(target: "/berlin").body.utf8))
                    guard case .delivered(let receipt?) = report.answer else { throw NodeFailure("no receipt") }
                    #expect(receipt.success)
                    #expect(await session.send(payment).answer == .refused(reason: "payment_already_used"))
                }
                #expect(upstream.servedCount == 3)
                let records = try await node.ledger.payments(PaymentQuery())
                #expect(records.map(\.state.value) == [.settled, .settled, .settled])
                #expect(records.map(\.claim.form) == [.plain, .v1, .v2])
            }
        }
        await client.shutdown()
        await upstream.stop()
        await log.close()
    }

    @Test("a new file takes effect at once, and an offer of the old one still stands")
    func reloads() async throws {
        let upstream = try await DemoUpstream.start(group: group)
        let plan = NodePlan(file: try RouteFile.parse(text: text(upstream: upstream.port)))
        let dearer = NodePlan(file: try RouteFile.parse(text: text(price: "$0.002", upstream: upstream.port)))
        let client = try OutgoingClient(group: group)
        let log = LogOutput(isSilent: true)
        try await Node.run(plan, group: group, log: log) { node in
            await expectNoThrow {
                let session = try session(node, client)
                guard case .pay(let order, let echo) = await session.ask(payer: .zero, nonce: .zero) else {
                    throw NodeFailure("no price was asked")
                }
                try await node.adopt(dearer)
                let (_, report) = try await pay(session)
                #expect(report.status == .success)
                let key = PrivateKey.random()
                var old = order
                old.authorization.from = key.address
                let payment = old.signed(by: key)
                let field = PaymentField(payment, payload: echo.payload(of: payment, for: old.offer.requirements))
                #expect(await session.send(field).status == .success)
                let amounts = try await node.ledger.payments(PaymentQuery()).map(\.claim.amount)
                #expect(amounts == [UInt256(1000), UInt256(2000)])
            }
        }
        await client.shutdown()
        await upstream.stop()
        await log.close()
    }

    @Test("what a crash left open is ended before anybody is served")
    func recovers() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "farebox-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "ledger.db").path
        let upstream = try await DemoUpstream.start(group: group)
        let plan = NodePlan(
            file: try RouteFile.parse(text: text(ledger: "sqlite:\(path)", upstream: upstream.port)))
        let client = try OutgoingClient(group: group)
        let log = LogOutput(isSilent: true)
        let identity = PaymentIdentity(key: .zero)
        try await leave(identity, adapter: "chain", in: plan.file.ledger)
        try await Node.run(plan, group: group, log: log) { node in
            await expectNoThrow {
                // The mock rail knows what became of it; the answer never went out.
                let record = try #require(try await node.ledger.payment(identity))
                #expect(record.state.value == .settled)
                #expect(try await pay(try session(node, client)).report.status == .success)
            }
        }
        // The next process finds the file closed, and both payments in it.
        let ledger = try plan.file.ledger.open()
        #expect(try await ledger.payments(PaymentQuery()).count == 2)
        await ledger.close()
        await client.shutdown()
        await upstream.stop()
        await log.close()
    }

    /// Leaves a payment in `settling`, as a crash between the mark and the rail's answer does.
    private func leave(_ identity: PaymentIdentity, adapter: String, in place: LedgerSettings) async throws {
        let ledger = try place.open()
        let now = PaywallShared.systemTime()
        let claim = Claim(
            identity: identity,
            owner: .paywall(RequestBinding(route: "GET /v1/weather/:city", method: "GET", target: .zero)),
            adapter: adapter, form: .v2, timing: .before, scheme: "exact", network: Network(chainID: 84532),
            asset: .named("x"), amount: UInt256(1), payTo: .named("y"), payer: "z", validBefore: now)
        let outcome = await withCheckedContinuation { continuation in
            ledger.reserve(ReserveRequest(claim: claim, opening: .settling, now: now)) {
                continuation.resume(returning: $0)
            }
        }
        guard case .success(.granted) = outcome else { throw NodeFailure("not granted") }
        await ledger.close()
    }

    @Test("a process that cannot bind its address says so, and gives the ledger back")
    func addressTaken() async throws {
        let upstream = try await DemoUpstream.start(group: group)
        let taken = text(upstream: upstream.port).replacing(
            "listen = \"127.0.0.1:0\"\naccess_log", with: "listen = \"127.0.0.1:\(upstream.port)\"\naccess_log")
        let plan = NodePlan(file: try RouteFile.parse(text: taken))
        let log = LogOutput(isSilent: true)
        await #expect(throws: NodeFailure.self) {
            try await Node.run(plan, group: group, log: log) { _ in }
        }
        await upstream.stop()
        await log.close()
    }
}

/// Records what a body throws: the bodies of processes do not throw.
private func expectNoThrow(_ body: () async throws -> Void) async {
    do { try await body() } catch { Issue.record(error) }
}
