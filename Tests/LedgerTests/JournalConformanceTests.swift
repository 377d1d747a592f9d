import Ledger
import Primitives
import Testing
import X402

/// What every store writes into its books.
@Suite("The books of every ledger")
struct JournalConformanceTests {
    /// Everything that the journal holds, audited with the payments.
    static func audit(_ ledger: any PaymentLedger, fees: [NetworkFee] = []) async throws -> JournalAudit {
        let entries = try await ledger.journal(after: 0, limit: 100_000)
        let records = try await ledger.payments(PaymentQuery(limit: 100_000))
        var audit = JournalAudit()
        for entry in entries { audit.follow(entry) }
        let groups = Dictionary(grouping: entries, by: \.line.subject)
        for record in records {
            let subject = record.reference.identity.key
            audit.compare(subject, groups[subject] ?? [], with: record)
        }
        for credit in try await ledger.credits(CreditQuery(limit: 100_000)) where credit.terms.isBalance {
            audit.compare(credit.subject, groups[credit.subject] ?? [], with: credit)
        }
        for fee in fees { audit.compare(fee.subject, groups[fee.subject] ?? [], with: fee.wei) }
        audit.finish()
        #expect(audit.problems == [])
        return audit
    }

    static func kinds(_ ledger: any PaymentLedger) async throws -> [JournalKind] {
        try await ledger.journal(after: 0, limit: 1_000).map(\.line.kind)
    }

    /// A claim, the events after it, and the entries that they make.
    struct Way: Sendable {
        var opening: ClaimOpening
        var events: [PaymentEvent]
        var kinds: [JournalKind]
        var timing = SettlementTiming.before
    }

    static let settled = PaymentEvent.settled(transaction: "0x1", forwardingUntil: nil)
    static let served = PaymentEvent.settled(transaction: "0x1", forwardingUntil: Sample.lease)

    static let ways: [Way] = [
        Way(
            opening: .settled(transaction: "demo-1", forwardingUntil: Sample.lease), events: [.delivered],
            kinds: [.sale]),
        Way(opening: .reserved, events: [.released(reason: "x")], kinds: []),
        Way(opening: .settling, events: [.sent(transaction: "0x1"), .released(reason: "x")], kinds: []),
        Way(opening: .settling, events: [served, .delivered], kinds: [.sale]),
        Way(
            opening: .settling,
            events: [served, .undelivered(grant: nil, client: nil, body: nil), .uncertain(transaction: nil), served],
            kinds: [.sale, .saleReversed, .sale]),
        Way(
            opening: .settling, events: [served, .delivered, .uncertain(transaction: nil), served],
            kinds: [.sale, .collectionReversed, .collection]),
        Way(
            opening: .settling,
            events: [served, .delivered, .uncertain(transaction: nil), .owed, .writtenOff(reason: "x")],
            kinds: [.sale, .collectionReversed, .writeOff]),
        Way(
            opening: .forwarding(until: Sample.lease), events: [.owed, .settle, .uncertain(transaction: nil), settled],
            kinds: [.credit, .collection], timing: .batch),
        Way(
            opening: .forwarding(until: Sample.lease), events: [.settle, .delivered, .owed, .writtenOff(reason: "x")],
            kinds: [.credit, .writeOff], timing: .batch),
        Way(
            opening: .forwarding(until: Sample.lease), events: [.released(reason: "upstream")], kinds: [],
            timing: .after),
    ]

    @Test("book what was charged where less than the claim is", arguments: LedgerKind.allCases)
    func charged(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.forwarding(until: Sample.lease)
            let reference = try await ledger.grant(Sample.request(timing: .after, opening: opening))
            let charge = UInt256(400)
            for event in [PaymentEvent.charged(amount: charge), .owed, .settle, Self.settled] {
                guard case .applied = try await ledger.apply(event, to: reference) else {
                    Issue.record("\(event)")
                    return
                }
            }
            #expect(try await Self.kinds(ledger) == [.credit, .collection])
            for entry in try await ledger.journal(after: 0, limit: 10) { #expect(entry.line.amount == charge) }
            let record = try #require(try await ledger.payment(reference.identity))
            #expect(record.charge == charge && record.claim.amount == UInt256(10_000))
            _ = try await Self.audit(ledger)
            let late = try await ledger.apply(.charged(amount: UInt256(1)), to: reference)
            #expect(late == .refused(PaymentState(value: .settled, service: .delivered)))
        }
    }

    @Test("tell every way of a payment's money, and nothing else", arguments: LedgerKind.allCases, ways)
    func everyWay(kind: LedgerKind, way: Way) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request(timing: way.timing, opening: way.opening))
            for (second, event) in way.events.enumerated() {
                let outcome = try await ledger.apply(
                    event, to: reference, now: Sample.start.adding(seconds: Int64(second)))
                guard case .applied = outcome else {
                    Issue.record("\(event): \(outcome)")
                    return
                }
            }
            #expect(try await Self.kinds(ledger) == way.kinds)
            let entries = try await ledger.journal(after: 0, limit: 10)
            #expect(entries.map(\.number) == entries.indices.map { Int64($0 + 1) })
            for entry in entries {
                #expect(entry.line.subject == reference.identity.key && entry.line.amount == Sample.claim().amount)
                #expect(entry.currency == Currency(Sample.claim()) && !entry.line.isSellers)
            }
            _ = try await Self.audit(ledger)
        }
    }

    @Test("keep a seller's turnover apart from the paywall's", arguments: LedgerKind.allCases)
    func sellers(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: nil)
            _ = try await ledger.grant(Sample.request(1, owner: Sample.seller("a"), opening: opening))
            _ = try await ledger.grant(Sample.request(2, opening: opening))
            let lines = try await Self.audit(ledger).balance.lines
            #expect(lines.map(\.account) == [.payer, .revenue, .seller])
            #expect(lines.map(\.balance) == ["20000", "-10000", "-10000"])
        }
    }

    @Test("write nothing for a claim or a transition that is refused", arguments: LedgerKind.allCases)
    func refused(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let reference = try await ledger.grant(Sample.request(opening: opening))
            _ = try await ledger.reserve(Sample.request(opening: opening))
            _ = try await ledger.apply(.owed, to: reference)
            _ = try await ledger.apply(Self.settled, to: reference)
            let undelivered = PaymentEvent.undelivered(grant: Sample.grant, client: nil, body: nil)
            _ = try await ledger.apply(undelivered, to: reference)
            _ = try await ledger.reserve(Sample.request(proof: PresenterProof(grant: Sample.grant)))
            #expect(try await Self.kinds(ledger) == [.sale])
        }
    }

    @Test("tell the recovery of a crash", arguments: LedgerKind.allCases)
    func recovery(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Sample.request(1, timing: .batch, opening: .forwarding(until: Sample.lease)))
            _ = try await ledger.grant(Sample.request(2))
            _ = try await ledger.grant(Sample.request(3, opening: .settling))
            _ = try await ledger.recover(now: Sample.start)
            #expect(try await Self.kinds(ledger) == [.credit])
            _ = try await Self.audit(ledger)
        }
    }

    @Test(
        "take a network fee once, and the difference where a chain changed its history", arguments: LedgerKind.allCases)
    func fees(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let wei = UInt256(highToLow: 0, 0, 1, 5)
            var fee = NetworkFee(network: Network(chainID: 8453), transaction: "0x1", wei: wei, payments: 3)
            #expect(try await ledger.postNetworkFee(fee, now: Sample.start))
            #expect(try await !ledger.postNetworkFee(fee, now: Sample.start.adding(seconds: 9)))
            fee.wei = UInt256(highToLow: 0, 0, 1, 2)
            #expect(try await ledger.postNetworkFee(fee, now: Sample.start))
            fee.wei = UInt256(highToLow: 0, 0, 1, 9)
            #expect(try await ledger.postNetworkFee(fee, now: Sample.start))
            var other = fee
            other.transaction = "0x2"
            other.wei = UInt256(1)
            #expect(try await ledger.postNetworkFee(other, now: Sample.start))
            let elsewhere = NetworkFee(network: Network(chainID: 1), transaction: "0x1", wei: UInt256(7), payments: 0)
            #expect(try await ledger.postNetworkFee(elsewhere, now: Sample.start))
            let entries = try await ledger.journal(after: 0, limit: 10)
            #expect(entries.map(\.line.kind) == [.fee, .feeReversed, .fee, .fee, .fee])
            #expect(entries.map(\.transaction) == ["0x1", "0x1", "0x1", "0x2", "0x1"])
            let audit = try await Self.audit(ledger, fees: [fee, other, elsewhere])
            #expect(audit.balance.lines.map(\.balance) == ["7", "-7", "18446744073709551626", "-18446744073709551626"])
        }
    }

    @Test("page by number", arguments: LedgerKind.allCases)
    func pages(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: nil)
            for number in UInt64(1)...5 { _ = try await ledger.grant(Sample.request(number, opening: opening)) }
            #expect(try await ledger.journal(after: 0, limit: 2).map(\.number) == [1, 2])
            #expect(try await ledger.journal(after: 2, limit: 9).map(\.number) == [3, 4, 5])
            #expect(try await ledger.journal(after: 5, limit: 9).isEmpty)
        }
    }

    @Test("agree with the states after any history", arguments: LedgerKind.allCases, 1...6)
    func histories(kind: LedgerKind, seed: UInt64) async throws {
        try await kind.withLedger { ledger in
            var dice = ExposureBookTests.Dice(state: seed)
            let openings = ConformanceTests.openings.map(\.0)
            var references: [PaymentReference] = []
            for step in 0..<300 {
                if dice.roll(4) == 0 || references.isEmpty {
                    var request = Sample.request(
                        UInt64(dice.roll(40)), owner: dice.roll(5) == 0 ? Sample.seller("a") : .paywall(Sample.binding),
                        timing: SettlementTiming.allCases[dice.roll(3)], opening: openings[dice.roll(openings.count)])
                    request.claim.amount = UInt256(UInt64(1 + dice.roll(1_000)))
                    if case .granted(let reference) = try await ledger.reserve(request) { references.append(reference) }
                } else {
                    let event = Sample.events[dice.roll(Sample.events.count)]
                    _ = try await ledger.apply(
                        event, to: references[dice.roll(references.count)], now: Sample.start.adding(seconds: 1_000))
                }
                if step == 200 { _ = try await ledger.recover(now: Sample.start) }
            }
            let audit = try await Self.audit(ledger)
            let records = try await ledger.payments(PaymentQuery(limit: 1_000))
            for (account, position) in [(JournalAccount.payer, JournalPosition.paid), (.receivable, .receivable)] {
                let sum = records.filter { JournalPosition($0.state) == position }
                    .reduce(UInt64(0)) { $0 + ($1.due.uint64 ?? 0) }
                let balance = audit.balance.lines.first { $0.account == account }?.balance ?? "0"
                #expect(balance == "\(sum)")
            }
        }
    }
}
