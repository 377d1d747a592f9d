import Ledger
import LedgerSQLite
import Primitives
import Testing

/// What is free, in every store.
@Suite("What every ledger gives for free")
struct AllowanceConformanceTests {
    static let day = AllowanceWindow(seconds: 86_400)
    /// 2027-01-15 08:00 UTC.
    static let now = Sample.start

    static func claim(_ who: UInt64 = 1, limit: UInt64 = 20, amount: UInt64 = 1) -> AllowanceClaim {
        AllowanceClaim(key: Sample.bytes(who), window: day, limit: limit, amount: amount)
    }

    @Test("is exact, however many ask at once", arguments: LedgerKind.allCases)
    func exact(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<1_000 { group.addTask { try await ledger.claim(Self.claim(), now: Self.now).isGranted } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(granted == 20)
            #expect(try await ledger.claim(Self.claim(2), now: Self.now).left == 19)
        }
    }

    @Test("says what is left and until when, and begins anew then", arguments: LedgerKind.allCases)
    func windows(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let end = Self.day.end(at: Self.now)
            #expect(end.seconds % 86_400 == 0 && Self.now < end)
            let first = try await ledger.claim(Self.claim(limit: 2), now: Self.now)
            #expect(first == AllowanceOutcome(isGranted: true, left: 1, endsAt: end))
            let look = try await ledger.claim(Self.claim(limit: 2, amount: 0), now: Self.now)
            #expect(look == AllowanceOutcome(isGranted: true, left: 1, endsAt: end))
            #expect(try await ledger.claim(Self.claim(limit: 2), now: Self.now).isGranted)
            let none = try await ledger.claim(Self.claim(limit: 2), now: end.adding(seconds: -1))
            #expect(none == AllowanceOutcome(isGranted: false, left: 0, endsAt: end))
            let next = try await ledger.claim(Self.claim(limit: 2), now: end)
            #expect(next == AllowanceOutcome(isGranted: true, left: 1, endsAt: end.adding(seconds: 86_400)))
        }
    }

    @Test("is taken whole or not at all", arguments: LedgerKind.allCases)
    func whole(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let first = try await ledger.claim(Self.claim(amount: 15), now: Self.now)
            #expect(first.left == 5)
            #expect(try await !ledger.claim(Self.claim(amount: 6), now: Self.now).isGranted)
            #expect(try await ledger.claim(Self.claim(amount: 5), now: Self.now).left == 0)
            #expect(try await !ledger.claim(Self.claim(limit: 3, amount: 1), now: Self.now).isGranted)
        }
    }

    @Test("is corrected by what a request came to", arguments: LedgerKind.allCases)
    func corrected(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let claimed = try await ledger.claim(Self.claim(limit: 100, amount: 80), now: Self.now)
            try await ledger.correct(Sample.bytes(1), endsAt: claimed.endsAt, by: -50)
            #expect(try await ledger.claim(Self.claim(limit: 100, amount: 0), now: Self.now).left == 70)
            try await ledger.correct(Sample.bytes(1), endsAt: claimed.endsAt, by: 1_000)
            #expect(try await ledger.claim(Self.claim(limit: 100, amount: 0), now: Self.now).left == 0)
            try await ledger.correct(Sample.bytes(1), endsAt: claimed.endsAt, by: .min)
            #expect(try await ledger.claim(Self.claim(limit: 100, amount: 0), now: Self.now).left == 100)
            try await ledger.correct(Sample.bytes(1), endsAt: Self.now, by: 9)
            try await ledger.correct(Sample.bytes(77), endsAt: claimed.endsAt, by: 9)
            #expect(try await ledger.claim(Self.claim(limit: 100, amount: 0), now: Self.now).left == 100)
        }
    }

    @Test("is not given twice by a clock that is set back", arguments: LedgerKind.allCases)
    func clockSetBack(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let end = Self.day.end(at: Self.now)
            _ = try await ledger.claim(Self.claim(limit: 1), now: end)
            #expect(try await !ledger.claim(Self.claim(limit: 1), now: Self.now).isGranted)
        }
    }

    @Test("outlives the process, and a transaction that was rolled back takes nothing")
    func durable() async throws {
        try await withTemporaryFolder { folder in
            let first = try SQLiteLedger(path: folder + "/ledger.db")
            _ = try await first.claim(Self.claim(amount: 12), now: Self.now)
            await first.close()
            let second = try SQLiteLedger(path: folder + "/ledger.db")
            #expect(try await second.claim(Self.claim(amount: 8), now: Self.now).left == 0)
            #expect(try await !second.claim(Self.claim(), now: Self.now).isGranted)
            await second.close()
        }
    }

    @Test("ends at whole windows since 1970", arguments: [(0, 10), (9, 10), (10, 20), (-1, 0), (-10, 0), (-11, -10)])
    func aligned(now: Int64, end: Int64) {
        #expect(AllowanceWindow(seconds: 10).end(at: UnixTime(now)) == UnixTime(end))
    }
}

extension PaymentLedger {
    func claim(_ claim: AllowanceClaim, now: UnixTime) async throws(LedgerError) -> AllowanceOutcome {
        try await withCheckedContinuation { continuation in
            claimAllowance(claim, now: now) { continuation.resume(returning: $0) }
        }.get()
    }

    func correct(_ key: Bytes32, endsAt: UnixTime, by difference: Int64) async throws(LedgerError) {
        try await withCheckedContinuation { continuation in
            correctAllowance(key, endsAt: endsAt, by: difference) { continuation.resume(returning: $0) }
        }.get()
    }
}
