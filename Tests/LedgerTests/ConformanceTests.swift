import Ledger
import Primitives
import Testing
import X402

/// What every store must do; a new store is a new case of `LedgerKind`.
@Suite("Every ledger")
struct ConformanceTests {
    static let openings: [(ClaimOpening, PaymentState)] = [
        (.reserved, PaymentState(.reserved, .unused)),
        (.settling, PaymentState(.settling, .unused)),
        (.settled(transaction: "demo-1", forwardingUntil: Sample.lease), PaymentState(.settled, .forwarding)),
        (.settled(transaction: "demo-1", forwardingUntil: nil), PaymentState(.settled, .unused)),
        (.forwarding(until: Sample.lease), PaymentState(.reserved, .forwarding)),
    ]

    @Test("grants an unknown payment in the state that its opening names", arguments: LedgerKind.allCases, openings)
    func opensAClaim(kind: LedgerKind, opening: (opening: ClaimOpening, state: PaymentState)) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request(opening: opening.opening))
            let record = try #require(try await ledger.payment(reference.identity))
            #expect(record.reference == reference)
            #expect(record.claim == Sample.claim())
            #expect(record.state == opening.state)
            #expect(record.createdAt == Sample.start && record.updatedAt == Sample.start)
        }
    }

    @Test("keeps every field of a claim, the largest amount and the oddest names too", arguments: LedgerKind.allCases)
    func keepsEveryField(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            for (number, amount) in [UInt256.zero, UInt256(.max), .max, UInt256(1)].enumerated() {
                var request = Sample.request(UInt64(number + 1), opening: .settling)
                request.claim.amount = amount
                request.claim.form = .plain
                request.claim.timing = .batch
                request.claim.adapter = ""
                request.claim.asset = .named("EUR \u{1F4B6} \u{0} end")
                request.claim.payer = String(repeating: "p", count: 5_000)
                request.claim.validBefore = nil
                request.claim.settlement = number == 0 ? [] : [UInt8](repeating: 7, count: 3_000)
                request.claim.owner = Sample.seller("key'; DROP TABLE payment; --")
                let reference = try await ledger.grant(request)
                #expect(try await ledger.payment(reference.identity)?.claim == request.claim)
            }
        }
    }

    @Test("answers a second claim as the judgement says, at every stage", arguments: LedgerKind.allCases)
    func stages(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let again = Sample.request(proof: PresenterProof(grant: Sample.grant))
            let reference = try await ledger.grant(Sample.request())
            #expect(try await ledger.reserve(again) == .inFlight)
            #expect(try await ledger.reserve(Sample.request(owner: Sample.seller("a"))) == .used)
            _ = try await ledger.apply(.settle, to: reference)
            #expect(try await ledger.reserve(again) == .inFlight)
            _ = try await ledger.apply(.uncertain(transaction: "0xabc"), to: reference)
            #expect(try await ledger.reserve(again) == .pending(transaction: "0xabc"))
            _ = try await ledger.apply(.settled(transaction: "0xabc", forwardingUntil: Sample.lease), to: reference)
            #expect(try await ledger.reserve(again) == .inFlight)
            let failed = PaymentEvent.undelivered(grant: Sample.grant, client: nil, body: Sample.print)
            _ = try await ledger.apply(failed, to: reference)
            #expect(try await ledger.reserve(Sample.request()) == .proofRequired)
            #expect(try await ledger.reserve(Sample.request(owner: .paywall(Sample.otherTarget))) == .used)
            #expect(
                try await ledger.reserve(again)
                    == .redelivery(reference, transaction: "0xabc", body: Sample.print))
            #expect(try await ledger.reserve(again) == .inFlight)
            _ = try await ledger.apply(.delivered, to: reference)
            #expect(try await ledger.reserve(again) == .used)
        }
    }

    @Test("opens an undelivered payment again as often as the policy says", arguments: LedgerKind.allCases, [0, 1, 3])
    func redeliveriesEnd(kind: LedgerKind, limit: Int) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let again = Sample.request(proof: PresenterProof(grant: Sample.grant), limit: limit)
            let reference = try await ledger.grant(Sample.request(opening: opening))
            let failed = PaymentEvent.undelivered(grant: Sample.grant, client: nil, body: nil)
            for number in 0...limit {
                #expect(try await ledger.apply(failed, to: reference) == .applied(PaymentState(.settled, .undelivered)))
                let expected: ReserveOutcome =
                    number < limit ? .redelivery(reference, transaction: "demo-1", body: nil) : .used
                #expect(try await ledger.reserve(again) == expected)
            }
            #expect(try await ledger.payment(reference.identity)?.redeliveries == limit)
        }
    }

    @Test("grants a released or expired payment anew in its row", arguments: LedgerKind.allCases)
    func grantsAnew(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let first = try await ledger.grant(Sample.request())
            _ = try await ledger.apply(.released(reason: "refused"), to: first)
            #expect(try await ledger.payment(first.identity)?.reason == "refused")
            let request = Sample.request(
                owner: Sample.seller("a"), opening: .reserved, now: Sample.start.adding(seconds: 9), settlement: [4])
            #expect(try await ledger.grant(request) == first)
            let record = try #require(try await ledger.payment(first.identity))
            #expect(record.claim == request.claim && record.reason == nil)
            #expect(record.createdAt == Sample.start && record.updatedAt == request.now)
            let expired = try await ledger.apply(.expired, to: first, now: Sample.validBefore)
            #expect(expired == .applied(PaymentState(.expired, .unused)))
            #expect(try await ledger.grant(Sample.request()) == first)
        }
    }

    @Test("refuses an event that the state does not allow, and writes nothing", arguments: LedgerKind.allCases)
    func refusals(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request())
            let before = try await ledger.payment(reference.identity)
            for event in [PaymentEvent.delivered, .owed, .writtenOff(reason: "x"), .expired] {
                let outcome = try await ledger.apply(event, to: reference, now: Sample.start.adding(seconds: 1))
                #expect(outcome == .refused(PaymentState(.reserved, .unused)))
            }
            #expect(try await ledger.payment(reference.identity) == before)
        }
    }

    @Test("knows a payment by its identity and row together", arguments: LedgerKind.allCases)
    func references(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let first = try await ledger.grant(Sample.request(1))
            let second = try await ledger.grant(Sample.request(2))
            #expect(first.row != second.row)
            let crossed = PaymentReference(identity: first.identity, row: second.row)
            let missing = PaymentReference(identity: Sample.identity(3), row: 77)
            for reference in [crossed, missing] {
                #expect(try await ledger.apply(.settle, to: reference) == .unknownPayment)
                #expect(try await ledger.apply(.delivered, to: reference) == .unknownPayment)
            }
        }
    }

    @Test("makes the whole way of a batched payment, step by step", arguments: LedgerKind.allCases)
    func batched(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let request = Sample.request(timing: .batch, opening: .forwarding(until: Sample.lease), settlement: [1])
            let reference = try await ledger.grant(request)
            let steps: [(PaymentEvent, PaymentState)] = [
                (.renewed(until: Sample.lease.adding(seconds: 60)), PaymentState(.reserved, .forwarding)),
                (.owed, PaymentState(.owed, .delivered)),
                (.settle, PaymentState(.settling, .delivered)),
                (.uncertain(transaction: "0xabc"), PaymentState(.uncertain, .delivered)),
                (.owed, PaymentState(.owed, .delivered)),
            ]
            for (event, state) in steps {
                #expect(try await ledger.apply(event, to: reference) == .applied(state))
                #expect(try await ledger.payment(reference.identity)?.claim.settlement == [1])
            }
            let end = PaymentEvent.writtenOff(reason: "expired")
            #expect(try await ledger.apply(end, to: reference) == .applied(PaymentState(.writtenOff, .delivered)))
            let record = try #require(try await ledger.payment(reference.identity))
            #expect(record.claim.settlement == nil && record.reason == "expired" && record.transaction == "0xabc")
        }
    }

    @Test("ends what a crash left open, and names what the rails must answer", arguments: LedgerKind.allCases)
    func recovers(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let forwarding = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let owed = Sample.request(1, timing: .after, opening: .forwarding(until: Sample.lease), settlement: [1])
            let requests = [
                owed, Sample.request(2, opening: .settling, settlement: [2]), Sample.request(3, opening: forwarding),
                Sample.request(4), Sample.request(5, opening: forwarding),
            ]
            var references: [PaymentReference] = []
            for request in requests { references.append(try await ledger.grant(request)) }
            _ = try await ledger.apply(.delivered, to: references[4])

            let now = Sample.start.adding(seconds: 3)
            let open = try await ledger.recover(now: now)
            #expect(open.map(\.reference) == Array(references[..<2]))
            #expect(open.map(\.claim.settlement) == [[1], [2]])
            let expected = [
                PaymentState(.owed, .delivered), PaymentState(.uncertain, .unused),
                PaymentState(.settled, .undelivered), PaymentState(.released, .unused),
                PaymentState(.settled, .delivered),
            ]
            for (reference, state) in zip(references, expected) {
                #expect(try await ledger.payment(reference.identity)?.state == state)
            }
            #expect(try await ledger.recover(now: now) == open)
        }
    }

    @Test("recovers what was opened again after an earlier restart", arguments: LedgerKind.allCases)
    func recoversAgain(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let proof = PresenterProof(client: Sample.client)
            let old = try await ledger.grant(Sample.request(1, opening: opening, proof: proof))
            let freed = try await ledger.grant(Sample.request(2))
            for number in 1...3 {
                _ = try await ledger.recover(now: Sample.start)
                let new = try await ledger.grant(Sample.request(UInt64(10 + number), opening: opening))
                let again = try await ledger.reserve(Sample.request(1, proof: proof))
                #expect(again == .redelivery(old, transaction: "demo-1", body: nil))
                if number == 1 { #expect(try await ledger.grant(Sample.request(2, opening: opening)) == freed) }
                _ = try await ledger.recover(now: Sample.start)
                for reference in [old, freed, new] {
                    let state = try await ledger.payment(reference.identity)?.state
                    #expect(state == PaymentState(.settled, .undelivered))
                }
            }
        }
    }

    @Test("opens a payment that a crash cut off to the address that had claimed it", arguments: LedgerKind.allCases)
    func addressAfterCrash(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let proof = PresenterProof(client: Sample.client)
            let reference = try await ledger.grant(Sample.request(opening: opening, proof: proof))
            let restart = Sample.start.adding(seconds: 5_000)
            _ = try await ledger.recover(now: restart)
            #expect(try await ledger.reserve(Sample.request(now: restart)) == .proofRequired)
            #expect(
                try await ledger.reserve(Sample.request(proof: proof, now: restart))
                    == .redelivery(reference, transaction: "demo-1", body: nil))
        }
    }

    @Test("tells that it is ready, and after its end that it is closed", arguments: LedgerKind.allCases)
    func closes(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request())
            #expect(await ledger.health() == .ready)
            await ledger.close()
            await ledger.close()
            #expect(await ledger.health() == .failing(.isClosed))
            await #expect(throws: LedgerError.isClosed) { _ = try await ledger.reserve(Sample.request(2)) }
            await #expect(throws: LedgerError.isClosed) { _ = try await ledger.apply(.settle, to: reference) }
        }
    }
}
