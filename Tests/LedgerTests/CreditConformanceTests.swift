import Ledger
import LedgerSQLite
import Primitives
import Testing
import X402

/// What payments open beyond their request, in every store.
@Suite("Grants and balances of every ledger")
struct CreditConformanceTests {
    static let scope = Sample.bytes(301)
    static let otherScope = Sample.bytes(302)
    static let token = Sample.bytes(303)
    static let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)

    static func terms(
        balance: Bool = false, uses: UInt32? = nil, bytes: UInt64? = nil, seconds: Int64? = nil, token: Bytes32 = token
    ) -> CreditTerms {
        CreditTerms(
            scope: scope, scopeName: "GET /files/*", token: token, isBalance: balance, uses: uses, bytes: bytes,
            seconds: seconds)
    }

    static func bought(
        _ terms: CreditTerms, number: UInt64 = 1, opening: ClaimOpening = opening, amount: UInt64 = 10_000,
        payer: String? = nil
    ) -> ReserveRequest {
        var request = Sample.request(number, opening: opening)
        request.credit = terms
        request.claim.amount = UInt256(amount)
        if let payer { request.claim.payer = payer }
        return request
    }

    static func byToken(
        _ token: Bytes32 = token, payment: UInt64? = nil, amount: UInt64 = 0, takesLess: Bool = false,
        scopes: [Bytes32] = [otherScope, scope], now: UnixTime = Sample.start
    ) -> DrawRequest {
        DrawRequest(
            presenter: .token(token, payment: payment.map { Sample.identity($0) }), scopes: scopes,
            amount: .exactly(UInt256(amount)), takesLess: takesLess, now: now)
    }

    static func refusal(_ outcome: DrawOutcome) -> DrawRefusal? {
        guard case .refused(let why, _) = outcome else { return nil }
        return why
    }

    @Test("open for the token of the payment and for its payer, and for nobody else", arguments: LedgerKind.allCases)
    func presenters(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms()))
            _ = try await ledger.drawn(Self.byToken())
            _ = try await ledger.drawn(Self.byToken(payment: 1))
            _ = try await ledger.drawn(
                DrawRequest(presenter: .payer(Sample.claim().payer), scopes: [Self.scope], now: Sample.start))
            _ = try await ledger.drawn(
                DrawRequest(presenter: .claim(reference), scopes: [Self.scope], now: Sample.start))
            #expect(try await ledger.draw(Self.byToken(Sample.bytes(9))) == .unknown)
            #expect(try await ledger.draw(Self.byToken(payment: 2)) == .unknown)
            let stranger = DrawRequest(presenter: .payer("0xstranger"), scopes: [Self.scope], now: Sample.start)
            #expect(try await ledger.draw(stranger) == .unknown)
        }
    }

    @Test("are for what was paid, and for nothing else", arguments: LedgerKind.allCases)
    func scopes(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Self.bought(Self.terms()))
            let elsewhere = try await ledger.draw(Self.byToken(scopes: [Self.otherScope]))
            #expect(Self.refusal(elsewhere) == .elsewhere)
        }
    }

    @Test("open nothing while their payment is not settled", arguments: LedgerKind.allCases)
    func settled(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms(uses: 5), opening: .settling))
            #expect(Self.refusal(try await ledger.draw(Self.byToken())) == .notSettled)
            _ = try await ledger.apply(.settled(transaction: "0x1", forwardingUntil: Sample.lease), to: reference)
            _ = try await ledger.drawn(Self.byToken())
            _ = try await ledger.apply(.delivered, to: reference)
            _ = try await ledger.apply(.uncertain(transaction: nil), to: reference)
            #expect(Self.refusal(try await ledger.draw(Self.byToken())) == .notSettled)
        }
    }

    @Test("count uses, exactly under concurrency", arguments: LedgerKind.allCases)
    func uses(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Self.bought(Self.terms(uses: 10)))
            let outcomes = try await Self.race(200) { try await ledger.draw(Self.byToken()) }
            let granted = outcomes.compactMap { if case .granted(let draw, _) = $0 { draw } else { nil } }
            #expect(granted.count == 10 && Set(granted).count == 10)
            #expect(outcomes.compactMap(Self.refusal).allSatisfy { $0 == .spent })
            // A use that served nothing is given back, once.
            for _ in 0..<2 { #expect(try await ledger.ended(granted[0], .release).uses == 1) }
            #expect(try await ledger.ended(granted[1], .post(charge: .zero, bytes: 7)).uses == 1)
            _ = try await ledger.drawn(Self.byToken())
            #expect(Self.refusal(try await ledger.draw(Self.byToken())) == .spent)
        }
    }

    @Test("end with their time", arguments: LedgerKind.allCases)
    func time(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Self.bought(Self.terms(seconds: 60)))
            _ = try await ledger.drawn(Self.byToken(now: Sample.start.adding(seconds: 59)))
            let late = Self.byToken(now: Sample.start.adding(seconds: 60))
            #expect(Self.refusal(try await ledger.draw(late)) == .expired)
        }
    }

    @Test("count bytes, those of answers under way among them", arguments: LedgerKind.allCases)
    func bytes(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Self.bought(Self.terms(bytes: 100)))
            let first = try await ledger.drawn(Self.byToken())
            let second = try await ledger.drawn(Self.byToken())
            #expect(try await ledger.held(60, first) == 60)
            #expect(try await ledger.held(60, second) == nil)
            #expect(try await ledger.held(nil, second) == 40)
            #expect(Self.refusal(try await ledger.draw(Self.byToken())) == .held)
            #expect(try await ledger.ended(first, .post(charge: .zero, bytes: 25)).bytes == 35)
            #expect(try await ledger.ended(second, .post(charge: .zero, bytes: 40)).bytes == 35)
            let third = try await ledger.drawn(Self.byToken())
            #expect(try await ledger.held(35, third) == 35)
            #expect(try await ledger.ended(third, .post(charge: .zero, bytes: 35)).bytes == 0)
            #expect(Self.refusal(try await ledger.draw(Self.byToken())) == .spent)
        }
    }

    @Test("charge a balance by what was used, never more than is held", arguments: LedgerKind.allCases)
    func balance(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms(balance: true)))
            let first = try await ledger.drawn(Self.byToken(amount: 6_000))
            #expect(first.amount == UInt256(6_000))
            #expect(Self.refusal(try await ledger.draw(Self.byToken(amount: 6_000))) == .held)
            let rest = try await ledger.drawn(Self.byToken(amount: 6_000, takesLess: true))
            #expect(rest.amount == UInt256(4_000))
            #expect(try await ledger.ended(first, .post(charge: UInt256(1_500), bytes: 9)).amount == UInt256(4_500))
            #expect(try await ledger.ended(rest, .post(charge: .max, bytes: 9)).amount == UInt256(4_500))
            #expect(Self.refusal(try await ledger.draw(Self.byToken(amount: 4_501))) == .spent)
            let credit = try #require(try await ledger.credit(reference.identity))
            #expect(credit.charged == UInt256(5_500) && credit.held == .zero && credit.balance == UInt256(4_500))
            #expect(try await JournalConformanceTests.kinds(ledger) == [.sale, .deferred, .drawn, .drawn])
            let lines = try await JournalConformanceTests.audit(ledger).balance.lines
            #expect(lines.map(\.account) == [.payer, .revenue, .credit])
            #expect(lines.map(\.balance) == ["10000", "-5500", "-4500"])
        }
    }

    @Test("hold the price in the currency of the balance", arguments: LedgerKind.allCases)
    func currencies(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            _ = try await ledger.grant(Self.bought(Self.terms(balance: true)))
            var request = Self.byToken()
            request.amount = .prices([Currency(Sample.claim()): UInt256(70)])
            #expect(try await ledger.drawn(request).amount == UInt256(70))
            request.amount = .prices([Currency(network: Network(chainID: 1), asset: nil): UInt256(70)])
            #expect(Self.refusal(try await ledger.draw(request)) == .elsewhere)
        }
    }

    @Test("pay back what is left once nothing runs", arguments: LedgerKind.allCases)
    func refund(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms(balance: true)))
            let publicID = reference.identity.publicID
            let draw = try await ledger.drawn(Self.byToken(amount: 4_000))
            #expect(try await ledger.refundCredit(publicID: publicID, now: Sample.start) == nil)
            _ = try await ledger.ended(draw, .post(charge: UInt256(3_000), bytes: 0))
            let refund = try #require(try await ledger.refundCredit(publicID: publicID, now: Sample.start))
            #expect(refund.amount == UInt256(7_000) && refund.credit.balance == .zero)
            #expect(try await ledger.refundCredit(publicID: publicID, now: Sample.start) == nil)
            #expect(Self.refusal(try await ledger.draw(Self.byToken(amount: 1))) == .spent)
            let lines = try await JournalConformanceTests.audit(ledger).balance.lines
            #expect(lines.map(\.balance) == ["3000", "-3000", "0"])
            #expect(try await ledger.refundCredit(publicID: "00", now: Sample.start) == nil)
        }
    }

    @Test("give back at the next start what a crash left held", arguments: LedgerKind.allCases)
    func recovery(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms(balance: true, uses: 3, bytes: 50)))
            let draw = try await ledger.drawn(Self.byToken(amount: 10_000))
            #expect(try await ledger.held(nil, draw) == 50)
            _ = try await ledger.recover(now: Sample.start)
            let credit = try #require(try await ledger.credit(reference.identity))
            #expect(credit.left == CreditLeft(amount: UInt256(10_000), uses: 3, bytes: 50))
            #expect(try await ledger.ended(draw, .post(charge: UInt256(5), bytes: 5)).amount == UInt256(10_000))
            _ = try await JournalConformanceTests.audit(ledger)
        }
    }

    @Test("begin anew with a payment that is claimed again", arguments: LedgerKind.allCases)
    func claimedAgain(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.bought(Self.terms(balance: true, token: Sample.bytes(8))))
            let draw = try await ledger.drawn(Self.byToken(Sample.bytes(8), amount: 6_000))
            _ = try await ledger.ended(draw, .post(charge: UInt256(1_000), bytes: 0))
            let open = try await ledger.drawn(Self.byToken(Sample.bytes(8), amount: 6_000))
            // A chain took the settlement back before it was served, and it is certain that it will not come again.
            _ = try await ledger.apply(.undelivered(grant: nil, client: nil, body: nil), to: reference)
            _ = try await ledger.apply(.uncertain(transaction: nil), to: reference)
            _ = try await ledger.apply(.released(reason: "x"), to: reference)
            _ = try await ledger.grant(Self.bought(Self.terms(balance: true)))
            #expect(try await ledger.draw(Self.byToken(Sample.bytes(8), amount: 1)) == .unknown)
            #expect(try await ledger.ended(open, .post(charge: UInt256(9), bytes: 0)).amount == UInt256(10_000))
            _ = try await ledger.drawn(Self.byToken(amount: 10_000))
            _ = try await JournalConformanceTests.audit(ledger)
        }
    }

    @Test("of a payer are used up in their order", arguments: LedgerKind.allCases)
    func order(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            for number in UInt64(1)...3 {
                let terms = Self.terms(balance: true, token: Sample.bytes(900 + number))
                _ = try await ledger.grant(Self.bought(terms, number: number, amount: number * 100))
            }
            let payer = CreditPresenter.payer(Sample.claim().payer)
            var drawn: [PaymentIdentity] = []
            for amount in [UInt64(100), 150, 300, 50] {
                let request = DrawRequest(
                    presenter: payer, scopes: [Self.scope], amount: .exactly(UInt256(amount)), now: Sample.start)
                drawn.append(try await ledger.drawn(request).identity)
            }
            #expect(drawn == [1, 2, 3, 2].map { Sample.identity($0) })
            let open = CreditQuery(payer: Sample.claim().payer, openAt: Sample.start)
            #expect(try await ledger.credits(open).count == 3)
            #expect(try await ledger.credits(CreditQuery(payer: "x")).isEmpty)
            #expect(
                try await ledger.credits(CreditQuery(limit: 2)).map(\.identity) == [1, 2].map { Sample.identity($0) })
        }
    }

    @Test("add up after any history: paid is charged, held, paid back and left", arguments: LedgerKind.allCases, 1...6)
    func conservation(kind: LedgerKind, seed: UInt64) async throws {
        try await kind.withLedger { ledger in
            var dice = ExposureBookTests.Dice(state: seed)
            var open: [DrawReference] = []
            for number in UInt64(1)...4 {
                let terms = Self.terms(
                    balance: number != 4, uses: dice.roll(2) == 0 ? nil : 40, bytes: dice.roll(2) == 0 ? nil : 9_000,
                    token: Sample.bytes(900 + number))
                _ = try await ledger.grant(Self.bought(terms, number: number, amount: UInt64(1 + dice.roll(5_000))))
            }
            for _ in 0..<250 {
                switch dice.roll(7) {
                case 0, 1, 2:
                    let request = Self.byToken(
                        Sample.bytes(UInt64(901 + dice.roll(4))), amount: UInt64(dice.roll(700)),
                        takesLess: dice.roll(2) == 0)
                    if case .granted(let draw, _) = try await ledger.draw(request) { open.append(draw) }
                case 3 where !open.isEmpty:
                    _ = try await ledger.held(
                        dice.roll(3) == 0 ? nil : UInt64(dice.roll(500)), open[dice.roll(open.count)])
                case 4, 5:
                    guard !open.isEmpty else { continue }
                    let draw = open.remove(at: dice.roll(open.count))
                    let charge = UInt256(UInt64(dice.roll(900)))
                    let end = dice.roll(3) == 0 ? DrawEnd.release : .post(charge: charge, bytes: UInt64(dice.roll(300)))
                    _ = try await ledger.ended(draw, end)
                default:
                    guard dice.roll(12) == 0 else { continue }
                    let identity = Sample.identity(UInt64(1 + dice.roll(4)))
                    _ = try await ledger.refundCredit(publicID: identity.publicID, now: Sample.start)
                }
                for credit in try await ledger.credits(CreditQuery()) where credit.terms.isBalance {
                    let parts = [credit.charged, credit.held, credit.refunded, credit.balance]
                    #expect(parts.reduce(UInt256.zero) { $0.adding($1) ?? .max } == credit.total, "seed \(seed)")
                }
            }
            for draw in open { _ = try await ledger.ended(draw, .release) }
            #expect(try await ledger.credits(CreditQuery()).allSatisfy { $0.held == .zero && $0.bytesHeld == 0 })
            _ = try await JournalConformanceTests.audit(ledger)
        }
    }

    @Test("outlive the process")
    func durable() async throws {
        try await withTemporaryFolder { folder in
            let terms = Self.terms(balance: true, uses: 9, bytes: .max, seconds: 500)
            let first = try SQLiteLedger(path: folder + "/ledger.db")
            let reference = try await first.grant(Self.bought(terms))
            _ = try await first.ended(
                try await first.drawn(Self.byToken(amount: 600)), .post(charge: UInt256(5), bytes: 7))
            let before = try await first.credit(reference.identity)
            await first.close()
            let second = try SQLiteLedger(path: folder + "/ledger.db")
            _ = try await second.recover(now: Sample.start)
            #expect(try await second.credit(reference.identity) == before)
            #expect(before?.usesLeft == 8 && before?.bytesLeft == .max - 7 && before?.terms == terms)
            await second.close()
            let reader = try SQLiteLedger.openReadOnly(path: folder + "/ledger.db")
            let audit = try await reader.audit()
            #expect(audit.problems == [] && audit.entries == 3)
            reader.close()
        }
    }

    static func race<Value: Sendable>(
        _ callers: Int, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for _ in 0..<callers { group.addTask { try await body() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension PaymentLedger {
    func draw(_ request: DrawRequest) async throws(LedgerError) -> DrawOutcome {
        try await withCheckedContinuation { continuation in
            draw(request) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Draws, and expects to be granted.
    func drawn(_ request: DrawRequest) async throws -> DrawReference {
        let outcome = try await draw(request)
        guard case .granted(let reference, _) = outcome else { throw UnexpectedDraw(outcome: outcome) }
        return reference
    }

    func held(_ bytes: UInt64?, _ draw: DrawReference) async throws(LedgerError) -> UInt64? {
        try await withCheckedContinuation { continuation in
            holdBytes(bytes, for: draw) { continuation.resume(returning: $0) }
        }.get()
    }

    func ended(_ draw: DrawReference, _ how: DrawEnd) async throws(LedgerError) -> CreditLeft {
        try await withCheckedContinuation { continuation in
            end(draw, how, now: Sample.start) { continuation.resume(returning: $0) }
        }.get()
    }
}

struct UnexpectedDraw: Error {
    var outcome: DrawOutcome
}
