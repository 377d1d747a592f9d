import Ledger
import Primitives
import Testing
import X402

@testable import farebox

@Suite("The report of revenue")
struct RevenueReportTests {
    static let usdc = Currency(
        network: Network(chainID: 8453), asset: Account("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"))
    static let euro = Currency(
        network: Network(chainID: 1), asset: Account("0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c"))

    static func line(
        _ route: String, _ client: String, _ outcome: ShadowOutcome, day: Int64 = 20_000, requests: UInt64 = 1,
        amount: UInt64 = 0, in currency: Currency? = usdc
    ) -> ShadowLine {
        ShadowLine(
            ShadowKey(day: day, route: route, client: client, outcome: outcome, currency: currency),
            ShadowCount(requests: requests, charged: amount == 0 ? 0 : requests, amount: UInt256(amount)))
    }

    static let lines = [
        line("GET /a", "192.0.2.1", .unpaid, requests: 3, amount: 3000),
        line("GET /a", "192.0.2.2", .unpaid, day: 20_001, requests: 2, amount: 2000),
        line("GET /a", "192.0.2.2", .paid, amount: 5, in: euro), line("GET /a", "192.0.2.2", .free, requests: 4),
        line("GET /b", "192.0.2.2", .unpriced, requests: 7, in: nil), line("GET /b", "192.0.2.2", .refused),
    ]

    private func report(by detail: RevenueReport.Detail) -> RevenueReport {
        var report = RevenueReport(by: detail)
        for line in Self.lines { report.add(line) }
        return report
    }

    @Test("adds up by route, with the most requests first, each currency apart")
    func routes() {
        let rows = report(by: .route).sorted
        #expect(rows.map(\.key.route) == ["GET /a", "GET /b"])
        #expect(rows.map(\.requests) == [10, 8])
        #expect(rows[0].outcomes == [.unpaid: 5, .paid: 1, .free: 4])
        #expect(rows[0].charged == 6)
        #expect(rows[0].revenue == [Self.usdc: UInt256(5000), Self.euro: UInt256(5)])
        #expect(rows[1].revenue.isEmpty)
    }

    @Test("keeps clients or days apart where that is asked for")
    func details() {
        let clients = report(by: .client).sorted
        #expect(clients.map(\.key.client) == ["192.0.2.2", "192.0.2.2", "192.0.2.1"])
        #expect(clients.map(\.requests) == [8, 7, 3])
        let days = report(by: .day).sorted
        #expect(days.map(\.key.day) == [20_000, 20_000, 20_001])
        #expect(days.map(\.requests) == [8, 8, 2])
    }

    @Test("is a table for people, with what was left out and the sum")
    func text() {
        #expect(
            report(by: .route).lines(limit: 1) == [
                "MODE    ROUTE   REQUESTS  UNPAID  FREE  PAID  REFUSED  UNPRICED  CHARGED                                                                          REVENUE",
                "shadow  GET /a        10       5     4     1        0         0        6  5 units of 0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c + $0.005 (5000 usdc@base)",
                "and 1 more rows: --limit shows them",
                "total shadow: 5 units of 0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c + $0.005 (5000 usdc@base)",
            ])
    }

    @Test("is an array for programs")
    func json() throws {
        let rows = report(by: .day).json(limit: 10)
        guard case .array(let rows) = rows else { throw NoArray() }
        #expect(rows.count == 3)
        #expect(
            rows[2].line
                == #"{"mode":"shadow","route":"GET /a","client":null,"day":"2024-10-05","requests":2,"unpaid":2,"free":0,"paid":0,"refused":0,"unpriced":0,"charged":2,"revenue":[{"network":"eip155:8453","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","amount":"2000"}]}"#
        )
    }

    private struct NoArray: Error {}

    @Test("a day is one of UTC, before 1970 too", arguments: [(0, 0), (86_399, 0), (86_400, 1), (-1, -1)])
    func days(seconds: Int64, day: Int64) {
        #expect(RevenueReport.day(of: UnixTime(seconds)) == day)
    }
}
