import Ledger
import Primitives
import Testing
import X402

@testable import LedgerSQLite

/// The record of shadow mode, in every store.
@Suite("What every ledger keeps of shadow mode")
struct ShadowConformanceTests {
    static let usdc = Currency(
        network: Network(chainID: 8453), asset: Account("0x036CbD53842c5426634e7929541eC2318f3dCF7e"))

    static func line(
        _ route: String = "GET /a", client: String = "192.0.2.1", day: Int64 = 20_000,
        outcome: ShadowOutcome = .unpaid, amount: UInt256 = UInt256(1000), requests: UInt64 = 1
    ) -> ShadowLine {
        ShadowLine(
            ShadowKey(
                day: day, route: route, client: client, outcome: outcome,
                currency: outcome == .unpriced ? nil : usdc),
            ShadowCount(requests: requests, charged: outcome == .unpaid ? requests : 0, amount: amount))
    }

    @Test("adds to what was counted before, and keeps every kind apart", arguments: LedgerKind.allCases)
    func adds(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let lines = [
                Self.line(), Self.line("GET /b"), Self.line(client: "192.0.2.2"), Self.line(day: 20_001),
                Self.line(outcome: .free, amount: .zero), Self.line(outcome: .unpriced, amount: .zero),
            ]
            try await ledger.add(lines)
            try await ledger.add([Self.line(amount: UInt256(7), requests: 3), Self.line("GET /b", amount: UInt256(1))])
            let kept = try await ledger.shadow(ShadowQuery(keepsDays: true, keepsClients: true))
            #expect(kept.count == 6)
            #expect(kept[0] == Self.line(amount: UInt256(1007), requests: 4))
            #expect(kept.map(\.key.route) == ["GET /a", "GET /a", "GET /a", "GET /a", "GET /b", "GET /a"])
            #expect(kept[2].key.currency == nil && kept[2].count.requests == 1)
            let sums = try await ledger.shadow(ShadowQuery(route: "GET /a"))
            #expect(sums.map(\.count.requests) == [6, 1, 1])
            #expect(sums.map(\.count.amount) == [UInt256(3007), .zero, .zero])
            #expect(sums.allSatisfy { $0.key.client.isEmpty && $0.key.day == 0 })
        }
    }

    @Test("tells the days that are asked for", arguments: LedgerKind.allCases)
    func days(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            try await ledger.add((0..<5).map { Self.line(day: 20_000 + $0) })
            let middle = try await ledger.shadow(ShadowQuery(since: 20_001, until: 20_003, keepsDays: true))
            #expect(middle.map(\.key.day) == [20_001, 20_002, 20_003])
            #expect(try await ledger.shadow(ShadowQuery(since: 20_005)).isEmpty)
        }
    }

    @Test("keeps amounts of any size, and stays at the bound", arguments: LedgerKind.allCases)
    func amounts(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            try await ledger.add([Self.line(amount: .max), Self.line(amount: UInt256(1))])
            try await ledger.add([Self.line(amount: .zero, requests: UInt64(Int64.max)), Self.line(requests: 5)])
            let line = try #require(try await ledger.shadow(ShadowQuery()).first)
            #expect(line.count.amount == .max && line.count.requests == UInt64(Int64.max))
        }
    }

    @Test("outlives the process")
    func durable() async throws {
        try await withTemporaryFolder { folder in
            let first = try SQLiteLedger(path: folder + "/ledger.db")
            try await first.add([Self.line()])
            await first.close()
            let second = try SQLiteLedger(path: folder + "/ledger.db")
            try await second.add([Self.line()])
            #expect(try await second.shadow(ShadowQuery(keepsClients: true)).map(\.count.requests) == [2])
            await second.close()
        }
    }

    @Test("counts new clients together when it is full")
    func bounded() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            try await ledger.writer.perform { _ throws(LedgerError) in
                guard let handle = ledger.writer.connection?.handle else { return }
                let table = try ShadowTable(connection: handle, maximum: 2)
                try table.add((1...4).map { Self.line(client: "192.0.2.\($0)") })
                try table.add([Self.line(client: "192.0.2.2"), Self.line(client: "192.0.2.3")])
            }
            let kept = try await ledger.shadow(ShadowQuery(keepsClients: true))
            #expect(kept.map(\.key.client) == ["192.0.2.1", "192.0.2.2", ShadowLimits.others])
            #expect(kept.map(\.count.requests) == [1, 2, 3])
            await ledger.close()
        }
    }
}

extension PaymentLedger {
    func add(_ lines: [ShadowLine]) async throws(LedgerError) {
        try await withCheckedContinuation { continuation in
            addShadow(lines) { continuation.resume(returning: $0) }
        }.get()
    }
}
