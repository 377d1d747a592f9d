import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

/// What every rail must do, whatever stands behind it.
struct RailConformanceTests {
    @Test("takes a good payment, and says whose it is", arguments: RailBench.Kind.allCases)
    func valid(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        let outcome = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        guard case .valid(let verified) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(!verified.payer.isEmpty)
        #expect(verified.identity == bench.rail.identity(of: bench.payment, for: bench.offer))
        await bench.peer?.stop()
    }

    @Test(
        "says the same locally and in full, and never asks the peer about what it can refuse itself",
        arguments: RailBench.Kind.allCases)
    func local(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        var keys = PublicKeyCache()
        var wrongNetwork = bench.payment
        wrongNetwork.network = Fixture.network("eip155:1")
        var wrongScheme = bench.payment
        wrongScheme.scheme = "upto"
        var wrongPayload = bench.payment
        wrongPayload.payload = .other(.object([JSONMember("junk", .string("x"))]))
        for (payment, reason) in [
            (wrongNetwork, ReasonCode.networkMismatch), (wrongScheme, .unsupportedScheme),
            (wrongPayload, .invalidPayload),
        ] {
            let local = bench.rail.verifyLocally(payment, for: bench.offer, now: Fixture.now, keys: &keys)
            guard case .decided(.invalid(reason, _)) = local else {
                Issue.record("\(local)")
                continue
            }
            let full = try await bench.rail.verify(payment, for: bench.offer, now: Fixture.now)
            #expect(local == .decided(full))
        }
        #expect(bench.peer?.requests.count ?? 0 == 0)
        let good = bench.rail.verifyLocally(bench.payment, for: bench.offer, now: Fixture.now, keys: &keys)
        let full = try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        if bench.peer == nil {
            #expect(good == .decided(full))
        } else {
            #expect(good == .needsNetwork)
        }
        await bench.peer?.stop()
    }

    @Test("settles the same order to the same transaction, however often it comes", arguments: RailBench.Kind.allCases)
    func settle(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        let order = try #require(try await bench.order())
        let first = await bench.rail.settle(order)
        guard case .settled(let transaction, _) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(!transaction.isEmpty)
        #expect(await bench.rail.settle(order) == first)
        if case .local(let prefix) = bench.rail.settlement {
            #expect(transaction == LocalSettlement.transaction(prefix: prefix, identity: order.identity))
            #expect(transaction.hasPrefix(prefix))
        }
        await bench.peer?.stop()
    }

    @Test("the identity survives another encoding, and not another payment", arguments: RailBench.Kind.allCases)
    func identity(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        let identity = bench.rail.identity(of: bench.payment, for: bench.offer)
        var echo = bench.payment
        echo.accepted?.maxTimeoutSeconds = 1
        echo.accepted?.extra.others = [JSONMember("x", .null)]
        #expect(identity != nil)
        #expect(bench.rail.identity(of: echo, for: bench.offer) == identity)
        let bytes = SettlementBlob(payment: bench.payment, requirements: bench.offer).encoded()
        let blob = try #require(SettlementBlob(bytes))
        #expect(bench.rail.identity(of: blob.payment, for: blob.requirements) == identity)
        #expect(blob.requirements == bench.offer)
        #expect(blob.payment.payload == bench.payment.payload)
        await bench.peer?.stop()
    }

    @Test("what it serves is in its scope", arguments: RailBench.Kind.allCases)
    func kinds(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        #expect(!bench.rail.kinds.isEmpty)
        #expect(bench.rail.kinds.allSatisfy { $0.network.matches(bench.offer.network) && $0.scheme == "exact" })
        #expect(bench.rail.condition == .ready)
        #expect(bench.rail.signers.map(\.signers) == [["signer"]])
        let isMock = bench.rail.kinds.allSatisfy { $0.extra == [JSONMember("mock", .bool(true))] }
        #expect(isMock == (bench.peer == nil))
        #expect(bench.rail.notices.isEmpty == (bench.peer != nil))
        await bench.peer?.stop()
    }

    @Test(
        "is unavailable, with nothing claimed about the value, when its peer is not there",
        arguments: [RailBench.Kind.bridge, .remote])
    func peerGone(kind: RailBench.Kind) async throws {
        let bench = try await RailBench.make(kind)
        let order = try #require(try await bench.order())
        await bench.peer?.stop()
        let outcome = await bench.rail.settle(order)
        guard case .unavailable = outcome else {
            Issue.record("\(outcome)")
            return
        }
        await #expect(throws: RailError.self) {
            try await bench.rail.verify(bench.payment, for: bench.offer, now: Fixture.now)
        }
    }
}
