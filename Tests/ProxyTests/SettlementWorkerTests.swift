import EVM
import Facilitator
import Ledger
import Logging
import Primitives
import Testing
import X402

@testable import Proxy

/// The worker that brings open payments to their end.
@Suite("Settlement worker", .timeLimit(.minutes(2)))
struct SettlementWorkerTests {
    private let ledger = ScriptedLedger()

    private func worker(_ rail: ScriptedRail, now: Int64 = Offers.start) -> SettlementWorker {
        SettlementWorker(
            ledger: ledger, rail: { $0 == rail.id ? rail : nil }, now: { UnixTime(now) }, logger: Logger(label: "test"))
    }

    /// Claims a payment and brings it into a state by events.
    private func claim(_ number: UInt64, adapter: String = "scripted", _ events: PaymentEvent...) async throws
        -> PaymentIdentity
    {
        let identity = PaymentIdentity(key: SHA256.hash("\(number)"))
        let claim = Claim(
            identity: identity, owner: .paywall(RequestBinding(route: "/x", method: "GET", target: .zero)),
            adapter: adapter, form: .v2, timing: .after, scheme: "exact", network: Offers.network,
            asset: .address(Offers.asset.address), amount: UInt256(1000), payTo: .address(Offers.seller),
            payer: "payer",
            validBefore: Offers.validBefore)
        let request = ReserveRequest(
            claim: claim, opening: .forwarding(until: Offers.validBefore), now: UnixTime(Offers.start))
        let outcome = try await withCheckedContinuation { done in
            ledger.reserve(request) { done.resume(returning: $0) }
        }.get()
        guard case .granted(let reference) = outcome else { return identity }
        for event in events {
            await withCheckedContinuation { done in
                ledger.apply(event, to: reference, now: UnixTime(Offers.start)) { _ in done.resume() }
            }
        }
        return identity
    }

    private func state(_ identity: PaymentIdentity) async throws -> String {
        let record = try #require(try await ledger.payment(identity))
        return "\(record.state.value.word)/\(record.state.service.word)"
    }

    @Test("what no rail can tell stays open, and what no adapter is there for too")
    func unknown() async throws {
        let known = try await claim(1, .settle, .uncertain(transaction: nil))
        let stranger = try await claim(2, adapter: "gone", .settle, .uncertain(transaction: nil))
        let rail = ScriptedRail()
        await worker(rail).pass()
        #expect(try await state(known) == "uncertain/forwarding")
        rail.reconcile(to: .settled(transaction: "0x1", payer: nil))
        await worker(rail).pass()
        #expect(try await state(known) == "settled/delivered")
        #expect(try await state(stranger) == "uncertain/forwarding")
    }

    @Test("what is owed is the batcher's: no time alone writes it off, only the rail's word at the start")
    func owed() async throws {
        let identity = try await claim(1, .owed)
        let rail = ScriptedRail()
        rail.reconcile(to: .unavailable(ScriptedRail.failure))
        await worker(rail, now: Offers.start + 1_000_000).pass()
        try await worker(rail, now: Offers.start + 1_000_000).recover()
        #expect(try await state(identity) == "owed/delivered")
        rail.reconcile(to: .refused(.validBefore, message: nil))
        await worker(rail).pass()
        #expect(try await state(identity) == "owed/delivered")
        try await worker(rail).recover()
        #expect(try await state(identity) == "written_off/delivered")
    }

    @Test("payments that stay open do not hide older ones")
    func manyOpen() async throws {
        let oldest = try await claim(0, .settle, .uncertain(transaction: nil))
        for number in 1...600 as ClosedRange<UInt64> {
            _ = try await claim(number, adapter: "gone", .settle, .uncertain(transaction: nil))
        }
        let rail = ScriptedRail()
        rail.reconcile(to: .settled(transaction: "0x1", payer: nil))
        await worker(rail).pass()
        #expect(try await state(oldest) == "settled/delivered")
    }
}
