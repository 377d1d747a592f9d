import Ledger
import Primitives
import Testing
import X402

/// What an operator's word does in every store.
@Suite("The resolution of a payment in every ledger")
struct ResolveConformanceTests {
    static let later = Sample.start.adding(seconds: 50)
    static let reason = "bank statement of 21 November"

    static func resolve(
        _ ledger: any PaymentLedger, _ number: UInt64 = 1, as resolution: Resolution
    ) async throws -> ResolveOutcome {
        try await ledger.resolve(
            publicID: Sample.identity(number).publicID, as: resolution, reason: reason, now: later)
    }

    struct Case: Sendable {
        var timing = SettlementTiming.before
        var opening: ClaimOpening
        var events: [PaymentEvent]
        var resolution: Resolution
        var state: PaymentState
        var transaction: String?
    }

    static let forwarding = ClaimOpening.forwarding(until: Sample.lease)

    static let cases: [Case] = [
        Case(
            opening: .settling, events: [.uncertain(transaction: nil)], resolution: .settled(transaction: "0x1"),
            state: PaymentState(.settled, .unused), transaction: "0x1"),
        Case(
            opening: .settling, events: [.uncertain(transaction: "0x1")], resolution: .settled(transaction: nil),
            state: PaymentState(.settled, .unused), transaction: "0x1"),
        Case(
            opening: .settling, events: [.uncertain(transaction: "0x1")], resolution: .settled(transaction: "0x2"),
            state: PaymentState(.settled, .unused), transaction: "0x2"),
        Case(
            opening: .settling, events: [.uncertain(transaction: nil)], resolution: .released,
            state: PaymentState(.released, .unused)),
        // Withheld under `after`: it ran, so that it is neither run again nor given back.
        Case(
            timing: .after, opening: forwarding, events: [.settle, .uncertain(transaction: nil)],
            resolution: .settled(transaction: "0x1"), state: PaymentState(.settled, .delivered), transaction: "0x1"),
        Case(
            timing: .after, opening: forwarding, events: [.settle, .uncertain(transaction: nil)],
            resolution: .released, state: PaymentState(.writtenOff, .delivered)),
        Case(
            timing: .batch, opening: forwarding, events: [.owed], resolution: .released,
            state: PaymentState(.writtenOff, .delivered)),
        Case(
            timing: .batch, opening: forwarding, events: [.owed], resolution: .settled(transaction: "0x1"),
            state: PaymentState(.settled, .delivered), transaction: "0x1"),
    ]

    @Test(
        "ends an open payment with its reason, in the states that its history allows", arguments: LedgerKind.allCases,
        cases)
    func resolved(kind: LedgerKind, test: Case) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(
                Sample.request(timing: test.timing, opening: test.opening, settlement: [1]))
            for event in test.events { _ = try await ledger.apply(event, to: reference) }
            let outcome = try await Self.resolve(ledger, as: test.resolution)
            let record = try #require(try await ledger.payment(reference.identity))
            #expect(outcome == .resolved(record))
            #expect(record.state == test.state && record.transaction == test.transaction)
            #expect(record.reason == Self.reason && record.updatedAt == Self.later)
            #expect((record.claim.settlement == nil) == (test.state.value != .settled))
            #expect(try await ledger.debts().count == (test.state.value == .writtenOff ? 1 : 0))
            _ = try await JournalConformanceTests.audit(ledger)
            #expect(try await Self.resolve(ledger, as: test.resolution) == .refused(test.state))
        }
    }

    @Test(
        "refuses what is not open, not known, or has no transaction, and writes nothing", arguments: LedgerKind.allCases
    )
    func refusals(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            for opening in [ClaimOpening.reserved, .settling] {
                let number: UInt64 = opening == .reserved ? 1 : 2
                let reference = try await ledger.grant(Sample.request(number, opening: opening))
                let before = try await ledger.payment(reference.identity)
                for resolution in [Resolution.released, .settled(transaction: "0x1")] {
                    #expect(try await Self.resolve(ledger, number, as: resolution) == .refused(opening.state))
                }
                #expect(try await ledger.payment(reference.identity) == before)
            }
            #expect(try await Self.resolve(ledger, 9, as: .released) == .unknownPayment)
            let open = try await ledger.grant(Sample.request(3, opening: .settling))
            _ = try await ledger.apply(.uncertain(transaction: nil), to: open)
            #expect(try await Self.resolve(ledger, 3, as: .settled(transaction: nil)) == .transactionMissing)
            #expect(try await ledger.payment(open.identity)?.state == PaymentState(.uncertain, .unused))
        }
    }

    @Test(
        "binds a bank's transaction to one payment, and lets one on a chain settle many", arguments: LedgerKind.allCases
    )
    func transactions(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let bank = try #require(Network("offchain:bank"))
            for number in UInt64(1)...4 {
                var request = Sample.request(number, opening: .settling)
                if number > 2 { request.claim.network = bank }
                let reference = try await ledger.grant(request)
                _ = try await ledger.apply(.uncertain(transaction: nil), to: reference)
            }
            let word = Resolution.settled(transaction: "t-1")
            for number in UInt64(1)...3 {
                guard case .resolved = try await Self.resolve(ledger, number, as: word) else {
                    Issue.record("payment \(number) is not resolved")
                    return
                }
            }
            #expect(try await Self.resolve(ledger, 4, as: word) == .transactionTaken)
            #expect(try await ledger.payment(Sample.identity(4))?.state == PaymentState(.uncertain, .unused))
            #expect(try await !ledger.claimTransaction("t-1", on: bank, for: Sample.identity(4)))
        }
    }

    @Test(
        "lets a released payment be claimed again, and a settled one be served to its presenter",
        arguments: LedgerKind.allCases)
    func afterwards(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            for number in UInt64(1)...2 {
                let proof = PresenterProof(client: Sample.client)
                let reference = try await ledger.grant(Sample.request(number, opening: .settling, proof: proof))
                _ = try await ledger.apply(.uncertain(transaction: "0x1"), to: reference)
            }
            _ = try await Self.resolve(ledger, 1, as: .released)
            _ = try await Self.resolve(ledger, 2, as: .settled(transaction: nil))
            _ = try await ledger.grant(Sample.request(1, now: Self.later))
            let again = Sample.request(2, proof: PresenterProof(client: Sample.client), now: Self.later)
            guard case .redelivery = try await ledger.reserve(again) else {
                Issue.record("no redelivery")
                return
            }
        }
    }
}
