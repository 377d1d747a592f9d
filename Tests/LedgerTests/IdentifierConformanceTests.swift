import LedgerSQLite
import Primitives
import Testing

@testable import Ledger

/// Ids that clients give to what they pay for, in every store.
@Suite("Ids of clients in every ledger")
struct IdentifierConformanceTests {
    static let forwarding = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
    static let answer = KeptAnswer(
        status: 200, head: Array("HTTP/1.1 200 OK\r\n".utf8), length: 4, body: Array("fine".utf8),
        request: Sample.print)

    static func request(
        _ payment: UInt64 = 1, id: UInt64 = 500, fingerprint: UInt64 = 600, opening: ClaimOpening = forwarding,
        proof: PresenterProof = PresenterProof(), now: UnixTime = Sample.start, limit: Int = 3
    ) -> ReserveRequest {
        var request = Sample.request(payment, opening: opening, proof: proof, now: now, limit: limit)
        request.identifier = IdentifierClaim(
            key: Sample.bytes(id), fingerprint: Sample.bytes(fingerprint), expiresAt: now.adding(seconds: 3_600))
        return request
    }

    /// Claims payment 1 under the id, serves it and keeps its answer.
    static func serve(_ ledger: any PaymentLedger, proof: PresenterProof = PresenterProof()) async throws {
        let reference = try await ledger.grant(request(proof: proof))
        ledger.keep(answer, under: Sample.bytes(500), of: reference.identity)
        _ = try await ledger.apply(.delivered, to: reference)
    }

    @Test("get the same answer for another payment of the payer, which is not used", arguments: LedgerKind.allCases)
    func answered(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            try await Self.serve(ledger)
            #expect(try await ledger.reserve(Self.request(2)) == .answered(Self.answer))
            #expect(try await ledger.payment(Sample.identity(2)) == nil)
            // What was used for something else proves nothing.
            _ = try await ledger.grant(Sample.request(3, opening: Self.forwarding))
            #expect(try await ledger.reserve(Self.request(3)) == .inFlight)
            var recalled = Self.request(4)
            recalled.recallsOnly = true
            #expect(try await ledger.reserve(recalled) == .used)
        }
    }

    @Test(
        "get it for the same payment from the client that it was for, and from nobody else",
        arguments: LedgerKind.allCases)
    func proof(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let client = PresenterProof(client: Sample.client)
            try await Self.serve(ledger, proof: client)
            #expect(try await ledger.reserve(Self.request(proof: client)) == .answered(Self.answer))
            #expect(try await ledger.reserve(Self.request()) == .identifierRefused(.answered))
            let later = Self.request(proof: client, now: Sample.start.adding(seconds: 601))
            #expect(try await ledger.reserve(later) == .identifierRefused(.answered))
        }
    }

    @Test("are refused for anything else, and are each payer's own", arguments: LedgerKind.allCases)
    func conflict(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            try await Self.serve(ledger)
            for payment: UInt64 in [1, 2] {
                let other = Self.request(payment, fingerprint: 601)
                #expect(try await ledger.reserve(other) == .identifierRefused(.conflict))
            }
            _ = try await ledger.grant(Self.request(2, id: 501, fingerprint: 601))
        }
    }

    @Test("say that an answer is not kept", arguments: LedgerKind.allCases)
    func notKept(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.request())
            ledger.keep(Self.answer, under: Sample.bytes(500), of: Sample.identity(9))
            _ = try await ledger.apply(.delivered, to: reference)
            #expect(try await ledger.reserve(Self.request(2)) == .identifierRefused(.answered))
            let proven = Self.request(proof: PresenterProof(client: Sample.client))
            #expect(try await ledger.reserve(proven) == .identifierRefused(.answered))
        }
    }

    @Test("wait for what runs, and deliver what was paid and not delivered", arguments: LedgerKind.allCases)
    func redelivered(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.request(limit: 1))
            #expect(try await ledger.reserve(Self.request(2)) == .inFlight)
            _ = try await ledger.apply(.undelivered(grant: nil, client: nil, body: Sample.print), to: reference)
            #expect(
                try await ledger.reserve(Self.request(2, limit: 1))
                    == .redelivery(reference, transaction: "demo-1", body: Sample.print))
            #expect(try await ledger.reserve(Self.request(3)) == .inFlight)
            _ = try await ledger.apply(.undelivered(grant: nil, client: nil, body: Sample.print), to: reference)
            #expect(try await ledger.reserve(Self.request(3, limit: 1)) == .identifierRefused(.answered))
            #expect(try await ledger.payment(Sample.identity(2)) == nil)
        }
    }

    @Test("are free again when nothing was paid", arguments: LedgerKind.allCases)
    func released(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Self.request(opening: .settling))
            #expect(try await ledger.reserve(Self.request(2)) == .inFlight)
            _ = try await ledger.apply(.uncertain(transaction: "0x1"), to: reference)
            #expect(try await ledger.reserve(Self.request(2)) == .pending(transaction: "0x1"))
            _ = try await ledger.apply(.released(reason: "refused"), to: reference)
            let second = try await ledger.grant(Self.request(2, fingerprint: 601))
            #expect(try await ledger.reserve(Self.request(3)) == .identifierRefused(.conflict))
            ledger.keep(Self.answer, under: Sample.bytes(500), of: reference.identity)
            _ = try await ledger.apply(.delivered, to: second)
            let same = Self.request(3, fingerprint: 601)
            #expect(try await ledger.reserve(same) == .identifierRefused(.answered))
        }
    }

    @Test("take no room when their payments come to nothing", arguments: LedgerKind.allCases)
    func room(kind: LedgerKind) async throws {
        try await kind.withLedger(maximumIdentifiers: 2) { ledger in
            for payment: UInt64 in 1...4 {
                let reference = try await ledger.grant(Self.request(payment, id: 500 + payment, opening: .reserved))
                let event: PaymentEvent = payment % 2 == 0 ? .expired : .released(reason: "not charged")
                let ended = try await ledger.apply(event, to: reference, now: Sample.validBefore)
                #expect(ended == .applied(PaymentState(payment % 2 == 0 ? .expired : .released, .unused)))
            }
            // The same payment again, under another id than before.
            let first = try await ledger.grant(Self.request(1, id: 601, opening: .reserved))
            _ = try await ledger.grant(Self.request(5, id: 602))
            #expect(try await ledger.reserve(Self.request(6, id: 603)) == .identifierRefused(.full))
            _ = try await ledger.apply(.released(reason: "not charged"), to: first)
            _ = try await ledger.grant(Self.request(6, id: 603))
            #expect(try await ledger.reserve(Self.request(7, id: 604)) == .identifierRefused(.full))
        }
    }

    @Test("are granted to one of many at once", arguments: LedgerKind.allCases)
    func race(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for payment in 1...256 {
                    group.addTask {
                        switch try await ledger.reserve(Self.request(UInt64(payment))) {
                        case .granted: return true
                        case .inFlight: return false
                        case let other: throw UnexpectedOutcome(outcome: other)
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(granted == 1)
        }
    }

    @Test("are forgotten after their time, and not before", arguments: LedgerKind.allCases)
    func expiry(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            try await Self.serve(ledger)
            let before = Self.request(2, fingerprint: 601, now: Sample.start.adding(seconds: 3_599))
            #expect(try await ledger.reserve(before) == .identifierRefused(.conflict))
            _ = try await ledger.grant(Self.request(2, fingerprint: 601, now: Sample.start.adding(seconds: 3_600)))
        }
    }

    @Test("survive a restart with their answers")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let first = try SQLiteLedger(path: folder + "/ledger.db")
            try await Self.serve(first)
            await first.close()
            let second = try SQLiteLedger(path: folder + "/ledger.db")
            _ = try await second.recover(now: Sample.start)
            #expect(try await second.reserve(Self.request(2)) == .answered(Self.answer))
            await second.close()
        }
    }

    @Test("keep within their bounds, and make room as they end")
    func bounds() async throws {
        var ids = MemoryIdentifiers(maximum: 2, maximumBytes: Self.answer.byteCount)
        func claim(_ id: UInt64, for seconds: Int64) -> IdentifierClaim {
            IdentifierClaim(
                key: Sample.bytes(id), fingerprint: .zero, expiresAt: Sample.start.adding(seconds: seconds))
        }
        for (id, seconds) in [(UInt64(1), Int64(10)), (2, 20)] {
            let hasRoom = ids.hasRoom(now: Sample.start)
            #expect(hasRoom)
            ids.bind(claim(id, for: seconds), to: Sample.identity(id))
            ids.keep(Self.answer, under: Sample.bytes(id), of: Sample.identity(id))
        }
        let isFull = !ids.hasRoom(now: Sample.start)
        #expect(isFull)
        #expect(ids.entry(Sample.bytes(1), now: Sample.start)?.answer == Self.answer)
        #expect(ids.entry(Sample.bytes(2), now: Sample.start)?.answer == nil)
        let hasRoomAgain = ids.hasRoom(now: Sample.start.adding(seconds: 10))
        #expect(hasRoomAgain)
        ids.keep(Self.answer, under: Sample.bytes(2), of: Sample.identity(2))
        #expect(ids.entry(Sample.bytes(2), now: Sample.start)?.answer == Self.answer)
    }
}
