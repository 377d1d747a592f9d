import Ledger
import Logging
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("The batcher", .timeLimit(.minutes(1)))
struct BatcherTests {
    let rail = StubRail()
    let ledger = MemoryLedger()
    let clock = ChainClock()

    private func batcher(
        at now: UnixTime = Fixture.now, maxItems: Int = 100, ledger: (any PaymentLedger)? = nil
    ) -> Batcher {
        Batcher(
            ledger: ledger ?? self.ledger, rail: { [rail] in $0 == rail.id ? rail : nil },
            plan: BatchPlan(interval: .seconds(12), maxItems: maxItems), clock: clock.clock, now: { now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A payment that was served and is owed.
    @discardableResult
    private func owe(_ nonce: UInt64, adapter: String = "stub", validFor seconds: Int64 = 60) async throws
        -> PaymentReference
    {
        let end = Fixture.now.adding(seconds: seconds)
        let payment = Payment.v2(
            TestPayer().sign(Fixture.offer, nonce: nonce, validBefore: UInt64(end.seconds)), for: Fixture.offer)
        let claim = Claim(
            identity: try #require(rail.identity(of: payment, for: Fixture.offer)),
            owner: .paywall(RequestBinding(route: "/x", method: "GET", target: .zero)), adapter: adapter, form: .v2,
            timing: .batch, scheme: "exact", network: Fixture.offer.network, asset: Fixture.offer.asset,
            amount: Fixture.offer.amount, payTo: Fixture.offer.payTo, payer: TransferVector.usdc.payer.checksummed,
            validBefore: end, settlement: SettlementBlob(payment: payment, requirements: Fixture.offer).encoded())
        guard
            case .granted(let reference) = try await ledger.claim(
                ReserveRequest(claim: claim, opening: .forwarding(until: end), now: Fixture.now))
        else { preconditionFailure("not granted") }
        _ = try await ledger.record(.owed, of: reference, now: Fixture.now)
        return reference
    }

    private func state(_ reference: PaymentReference) async throws -> String {
        let record = try #require(try await ledger.payment(reference.identity))
        return "\(record.state.value.word) \(record.reason ?? "-")"
    }

    private static let down = RailError(.unavailable, adapter: "stub", "down")

    @Test(
        "what the rail says is what becomes of a payment",
        arguments: [
            (.settled(transaction: "0x1", payer: nil), "settled -"), (.unknown(transaction: "0x1"), "uncertain -"),
            (.unknown(transaction: nil), "uncertain -"), (.unavailable(down), "owed -"),
            (.refused(.insufficientBalance, message: nil), "owed settlement failed"),
            (.refused(.transactionFailed, message: nil), "owed settlement failed"),
            (.refused(.validBefore, message: nil), "written_off invalid_exact_evm_payload_authorization_valid_before"),
            (.refused(.nonceAlreadyUsed, message: nil), "written_off invalid_exact_evm_nonce_already_used"),
        ] as [(SettleOutcome, String)])
    func outcomes(outcome: SettleOutcome, expected: String) async throws {
        let reference = try await owe(1)
        rail.onSettle { _ in outcome }
        await batcher().flush()
        #expect(try await state(reference) == expected)
    }

    @Test("each payment gets its own outcome")
    func each() async throws {
        var references: [PaymentReference] = []
        for nonce in 1...3 as ClosedRange<UInt64> { references.append(try await owe(nonce)) }
        rail.onSettle { number in
            [
                .settled(transaction: "0x1", payer: nil), .unavailable(Self.down),
                .refused(.nonceAlreadyUsed, message: nil),
            ][number - 1]
        }
        await batcher().flush()
        let orders = rail.orders
        #expect(orders.map(\.reference) == references.map(Optional.some))
        #expect(try await state(references[0]) == "settled -")
        #expect(try await state(references[1]) == "owed -")
        #expect(try await state(references[2]).hasPrefix("written_off"))
    }

    @Test(
        "what the payer may still make good is written off when no block can hold it any more",
        arguments: [(60, false), (119, false), (120, true)] as [(Int64, Bool)])
    func over(after seconds: Int64, isWrittenOff: Bool) async throws {
        let reference = try await owe(1, validFor: 60)
        rail.onSettle { _ in .refused(.insufficientBalance, message: nil) }
        await batcher(at: Fixture.now.adding(seconds: seconds)).flush()
        #expect(try await state(reference).hasPrefix("written_off") == isWrittenOff)
    }

    @Test("what is settled or uncertain is not asked for again; what is owed is")
    func again() async throws {
        let (settled, uncertain, owed) = (try await owe(1), try await owe(2), try await owe(3))
        rail.onSettle { number in
            switch number {
            case 1: .settled(transaction: "0x1", payer: nil)
            case 2: .unknown(transaction: "0x2")
            default: .unavailable(Self.down)
            }
        }
        let batcher = batcher()
        await batcher.flush()
        await batcher.flush()
        #expect(rail.orders.map(\.reference) == [settled, uncertain, owed, owed])
    }

    @Test("no adapter has more than one batch at once, and others do not wait for it")
    func oneAtOnce() async throws {
        try await owe(1)
        rail.hold()
        let batcher = batcher()
        async let first: Void = batcher.flush()
        await rail.held()
        let later = try await owe(2)
        await batcher.flush()
        #expect(rail.orders.isEmpty)
        #expect(try await state(later).hasPrefix("owed"))
        rail.release()
        await first
        #expect(rail.orders.count == 1)
        await batcher.flush()
        #expect(rail.orders.count == 2)
    }

    @Test("a payment is marked before the rail is asked")
    func marked() async throws {
        let reference = try await owe(1)
        rail.hold()
        async let flushed: Void = batcher().flush()
        await rail.held()
        #expect(try await state(reference).hasPrefix("settling"))
        rail.release()
        await flushed
        #expect(try await state(reference).hasPrefix("settled"))
    }

    @Test("a payment that an operator resolved meanwhile is left alone")
    func resolved() async throws {
        let reference = try await owe(1)
        _ = try await ledger.record(.writtenOff(reason: "by hand"), of: reference, now: Fixture.now)
        await batcher().flush()
        #expect(rail.orders.isEmpty)
        #expect(try await state(reference) == "written_off by hand")
    }

    @Test("payments of an adapter that is gone stay owed, and hold up nothing")
    func noAdapter() async throws {
        let stranger = try await owe(1, adapter: "gone")
        let known = try await owe(2)
        let batcher = batcher()
        await batcher.flush()
        await batcher.flush()
        #expect(try await state(stranger).hasPrefix("owed"))
        #expect(try await state(known) == "settled -")
    }

    @Test("a ledger that cannot be read or written asks the rail for nothing")
    func ledgerDown() async throws {
        try await owe(1)
        await batcher(ledger: ThrowingLedger()).flush()
        #expect(rail.orders.isEmpty)
    }

    @Test(
        "what a full disk could not take of a batch is written when there is space, and the rail is not asked again",
        arguments: [
            (.settled(transaction: "0x1", payer: nil), "settled -"), (.unavailable(down), "owed -"),
            (.refused(.nonceAlreadyUsed, message: nil), "written_off invalid_exact_evm_nonce_already_used"),
        ] as [(SettleOutcome, String)])
    func fullDisk(outcome: SettleOutcome, expected: String) async throws {
        let reference = try await owe(1)
        let disk = FullDiskLedger(ledger)
        rail.onSettle { _ in
            disk.fill(true)
            return outcome
        }
        let batcher = batcher(ledger: disk)
        await batcher.flush()
        #expect(try await state(reference) == "settling -")
        await batcher.flush()
        #expect(try await state(reference) == "settling -")
        disk.fill(false)
        clock.run(for: .milliseconds(500))
        let running = Task { await batcher.run() }
        await until { clock.isParked }
        #expect(try await state(reference) == expected)
        #expect(rail.orders.count == 1)
        running.cancel()
        clock.run(for: .seconds(2))
        await running.value
    }

    @Test("batches are closed by the interval, sooner when they are full or urgent")
    func run() async throws {
        clock.run(for: .milliseconds(2_500))
        let batcher = batcher(maxItems: 3)
        let running = Task { await batcher.run() }
        // The first look finds one payment, and a batch that was never closed.
        try await owe(1, validFor: 600)
        await until { rail.orders.count == 1 && clock.isParked }
        try await owe(2, validFor: 600)
        clock.run(for: .seconds(8))
        await until { clock.isParked }
        #expect(rail.orders.count == 1)
        clock.run(for: .seconds(4))
        await until { rail.orders.count == 2 && clock.isParked }
        // Three fill a batch.
        for nonce in 3...5 as ClosedRange<UInt64> { try await owe(nonce, validFor: 600) }
        clock.run(for: .seconds(4))
        await until { rail.orders.count == 5 && clock.isParked }
        // One that ends soon does not wait.
        try await owe(6, validFor: 30)
        clock.run(for: .seconds(4))
        await until { rail.orders.count == 6 && clock.isParked }
        running.cancel()
        clock.run(for: .seconds(2))
        await running.value
    }

    private func until(_ isSo: @Sendable () async -> Bool) async {
        while !(await isSo()) { await Task.yield() }
    }
}
