import Ledger
import Primitives
import Testing
import X402

/// What every store holds a claim to beyond its own payment.
///
/// Every sample costs 10 000.
@Suite("The exposure of every ledger")
struct ExposureConformanceTests {
    static let price = Sample.claim().amount
    static let forwarding = ClaimOpening.forwarding(until: Sample.lease)
    static let stranger = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

    static func times(_ factor: UInt64) -> UInt256 { price.multiplied(by: factor) ?? .max }

    static func batched(
        _ number: UInt64, _ terms: ExposureTerms?, payer: String? = nil, client: Bytes32? = nil
    ) -> ReserveRequest {
        var request = Sample.request(
            number, timing: .batch, opening: forwarding, proof: PresenterProof(client: client), settlement: [1],
            exposure: terms)
        if let payer { request.claim.payer = payer }
        return request
    }

    /// Claims a payment, serves it, and leaves its settlement failed: a debt.
    static func lose(_ ledger: any PaymentLedger, _ number: UInt64, client: Bytes32? = nil) async throws
        -> PaymentReference
    {
        let reference = try await ledger.grant(batched(number, nil, client: client))
        for event in [PaymentEvent.owed, .settle, .owed] { _ = try await ledger.apply(event, to: reference) }
        return reference
    }

    static func mustSettleFirst(_ outcome: ReserveOutcome) -> Bool {
        guard case .settleFirst = outcome else { return false }
        return true
    }

    @Test("refuses what is more than the payer has with all that is pending", arguments: LedgerKind.allCases)
    func overdrawn(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(balance: Self.times(3))
            let reserved = try await ledger.grant(Sample.request(1, exposure: terms))
            let settling = try await ledger.grant(Sample.request(2, opening: .settling, exposure: terms))
            let batched = try await ledger.grant(Self.batched(3, terms))
            let more = Sample.request(4, opening: .settling, exposure: terms)
            #expect(try await ledger.reserve(more) == .overdrawn)
            #expect(try await ledger.payment(Sample.identity(4)) == nil)
            // An identity that is known is told what became of it, whatever is pending.
            #expect(try await ledger.reserve(Sample.request(1, exposure: terms)) == .inFlight)

            _ = try await ledger.apply(.uncertain(transaction: nil), to: settling)
            _ = try await ledger.apply(.owed, to: batched)
            #expect(try await ledger.reserve(more) == .overdrawn)
            _ = try await ledger.apply(.released(reason: "refused"), to: reserved)
            let granted = try await ledger.grant(more)
            #expect(try await ledger.reserve(Sample.request(1, exposure: terms)) == .overdrawn)
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: granted)
            #expect(try await ledger.grant(Sample.request(1, exposure: terms)) == reserved)
        }
    }

    @Test("keeps payers, networks and assets apart", arguments: LedgerKind.allCases)
    func apart(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(balance: Self.price)
            _ = try await ledger.grant(Sample.request(1, exposure: terms))
            var other = Sample.request(2, exposure: terms)
            other.claim.payer = Self.stranger
            _ = try await ledger.grant(other)
            other = Sample.request(3, exposure: terms)
            other.claim.network = Network(chainID: 1)
            _ = try await ledger.grant(other)
            other = Sample.request(4, exposure: terms)
            other.claim.asset = .named("EUR")
            _ = try await ledger.grant(other)
            #expect(try await ledger.reserve(Sample.request(5, exposure: terms)) == .overdrawn)
            _ = try await ledger.grant(Sample.request(5))
        }
    }

    @Test("adds up sums beyond 256 bits, and comes down from them", arguments: LedgerKind.allCases)
    func hugeSums(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            var references: [PaymentReference] = []
            for number in UInt64(1)...3 {
                var request = Sample.request(number)
                request.claim.amount = .max
                references.append(try await ledger.grant(request))
            }
            let all = Sample.request(9, exposure: ExposureTerms(balance: .max))
            #expect(try await ledger.reserve(all) == .overdrawn)
            for reference in references { _ = try await ledger.apply(.released(reason: "x"), to: reference) }
            #expect(try await ledger.grant(Sample.request(9, exposure: ExposureTerms(balance: Self.price))).row > 0)
        }
    }

    @Test("serves a payer up to its limit, and from then on after it paid", arguments: LedgerKind.allCases)
    func perPayer(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(perPayer: Self.times(2))
            let first = try await ledger.grant(Self.batched(1, terms))
            _ = try await ledger.grant(Self.batched(2, terms))
            let outcome = try await ledger.reserve(Self.batched(3, terms))
            guard case .settleFirst(let reference) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            let record = try #require(try await ledger.payment(reference.identity))
            #expect(record.state == PaymentState(.settling, .unused))
            #expect(record.claim.timing == .before && record.claim.settlement == [1] && record.leaseUntil == nil)
            // Held to pay first, it adds nothing to what was served.
            _ = try await ledger.grant(Self.batched(4, terms, payer: Self.stranger))
            _ = try await ledger.apply(.owed, to: first)
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(5, terms))))
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: first)
            _ = try await ledger.grant(Self.batched(6, terms))
        }
    }

    @Test("bounds what fresh payers together may have of a route", arguments: LedgerKind.allCases)
    func total(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(perPayer: Self.times(9), total: Self.times(2))
            for number in UInt64(1)...2 {
                _ = try await ledger.grant(Self.batched(number, terms, payer: "payer-\(number)"))
            }
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(3, terms, payer: "payer-3"))))
            var elsewhere = Self.batched(4, terms, payer: "payer-4")
            elsewhere.claim.owner = .paywall(
                RequestBinding(route: "GET /v1/other", method: "GET", target: Sample.bytes(1)))
            _ = try await ledger.grant(elsewhere)
        }
    }

    @Test("holds a payer to paying first until enough of its payments were settled", arguments: LedgerKind.allCases)
    func newcomer(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(newcomer: NewcomerRule(payments: 2))
            for number in UInt64(1)...2 {
                let outcome = try await ledger.reserve(Self.batched(number, terms))
                guard case .settleFirst(let reference) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: Sample.lease), to: reference)
            }
            _ = try await ledger.grant(Self.batched(3, terms))
            // What a chain takes back no longer counts.
            let second = try #require(try await ledger.payment(Sample.identity(2)))
            _ = try await ledger.apply(.uncertain(transaction: nil), to: second.reference)
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(4, terms))))
        }
    }

    @Test("trusts no payer for what a seller settled, or what no rail confirmed", arguments: LedgerKind.allCases)
    func noTrust(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let sold = try await ledger.grant(Sample.request(1, owner: Sample.seller("a"), opening: .settling))
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: sold)
            _ = try await ledger.grant(
                Sample.request(2, opening: .settled(transaction: "demo-1", forwardingUntil: Sample.lease)))
            let terms = ExposureTerms(newcomer: NewcomerRule(payments: 1))
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(3, terms))))
            _ = try await ledger.grant(Self.batched(4, ExposureTerms(newcomer: NewcomerRule(payments: 0))))
        }
    }

    @Test("lets who made us lose once pay first, until it is settled after all", arguments: LedgerKind.allCases)
    func debtSettled(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let lost = try await Self.lose(ledger, 1)
            let debt = try #require(try await ledger.debts().first)
            #expect(debt.identity == lost.identity && debt.amount == Self.price && debt.since == Sample.start)
            #expect(debt.key == PayerKey(Sample.claim()))
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(2, ExposureTerms()))))
            // A claim that pays first anyway is not concerned.
            _ = try await ledger.grant(Sample.request(3, opening: .settling, exposure: ExposureTerms()))
            _ = try await ledger.apply(.settle, to: lost)
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(4, ExposureTerms()))))
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: lost)
            #expect(try await ledger.debts().isEmpty)
            _ = try await ledger.grant(Self.batched(5, ExposureTerms()))
        }
    }

    @Test("takes what was put off for no fault of the payer's for no debt", arguments: LedgerKind.allCases)
    func deferred(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.batched(1, nil))
            for event in [PaymentEvent.owed, .settle, .deferred, .settle, .uncertain(transaction: nil), .deferred] {
                _ = try await ledger.apply(event, to: reference)
            }
            #expect(try await ledger.payment(reference.identity)?.state == PaymentState(.owed, .delivered))
            #expect(try await ledger.debts().isEmpty)
            _ = try await ledger.grant(Self.batched(2, ExposureTerms()))
            for event in [PaymentEvent.settle, .owed, .settle, .deferred] {
                _ = try await ledger.apply(event, to: reference)
            }
            #expect(try await ledger.debts().map(\.identity) == [reference.identity])
            _ = try await ledger.apply(.settle, to: reference)
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: reference)
            #expect(try await ledger.debts().isEmpty)
            #expect(try await ledger.payment(reference.identity)?.reason == nil)
        }
    }

    @Test("knows a debtor by its address too, and by nothing else", arguments: LedgerKind.allCases)
    func debtorsClient(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await Self.lose(ledger, 1, client: Sample.client)
            let fresh = Self.batched(2, ExposureTerms(), payer: Self.stranger, client: Sample.client)
            #expect(Self.mustSettleFirst(try await ledger.reserve(fresh)))
            _ = try await ledger.grant(Self.batched(3, ExposureTerms(), payer: Self.stranger, client: Sample.grant))
        }
    }

    @Test("forgives a debt by an operator's word only, written off or not", arguments: LedgerKind.allCases)
    func forgiven(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let lost = try await Self.lose(ledger, 1)
            _ = try await ledger.apply(.writtenOff(reason: "expired"), to: lost)
            #expect(try await ledger.debts().count == 1)
            #expect(try await ledger.forgive(payer: Self.stranger).isEmpty)
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(2, ExposureTerms()))))
            #expect(try await ledger.forgive(payer: Sample.claim().payer).map(\.identity) == [lost.identity])
            #expect(try await ledger.debts().isEmpty)
            _ = try await ledger.grant(Self.batched(3, ExposureTerms()))
            #expect(try await ledger.forgive(payer: Sample.claim().payer).isEmpty)
        }
    }

    @Test("takes a payment that was written off unasked for a debt as well", arguments: LedgerKind.allCases)
    func writtenOff(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.batched(1, nil))
            _ = try await ledger.apply(.owed, to: reference)
            #expect(try await ledger.debts().isEmpty)
            _ = try await ledger.apply(.writtenOff(reason: "expired"), to: reference)
            #expect(try await ledger.debts().map(\.identity) == [reference.identity])
        }
    }

    @Test("grants no more than the limits to claims that come at once", arguments: LedgerKind.allCases)
    func atOnce(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(balance: Self.times(20), perPayer: Self.times(7))
            let outcomes = try await withThrowingTaskGroup(of: ReserveOutcome.self) { group in
                for number in UInt64(1)...50 {
                    group.addTask { try await ledger.reserve(Self.batched(number, terms)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { if case .granted = $0 { true } else { false } }.count == 7)
            #expect(outcomes.filter(Self.mustSettleFirst).count == 13)
            #expect(outcomes.filter { $0 == .overdrawn }.count == 30)
        }
    }

    @Test("reads after a restart what a crash left served as owed, and counts it", arguments: LedgerKind.allCases)
    func recovered(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let terms = ExposureTerms(perPayer: Self.price)
            _ = try await ledger.grant(Self.batched(1, terms))
            #expect(try await ledger.recover(now: Sample.start).map(\.state) == [PaymentState(.owed, .delivered)])
            #expect(Self.mustSettleFirst(try await ledger.reserve(Self.batched(2, terms))))
            #expect(try await ledger.debts().isEmpty)
        }
    }

    @Test("writes a transaction before it is broadcast, and keeps the states", arguments: LedgerKind.allCases)
    func sent(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request(opening: .settling, settlement: [1]))
            for name in ["0xaaa", "0xbbb"] {
                let outcome = try await ledger.apply(.sent(transaction: name), to: reference)
                #expect(outcome == .applied(PaymentState(.settling, .unused)))
                #expect(try await ledger.payment(reference.identity)?.transaction == name)
            }
            _ = try await ledger.apply(.uncertain(transaction: nil), to: reference)
            #expect(try await ledger.payment(reference.identity)?.transaction == "0xbbb")
            #expect(try await ledger.payment(reference.identity)?.claim.settlement == [1])
        }
    }
}
