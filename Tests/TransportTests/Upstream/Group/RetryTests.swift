import Testing

@testable import Transport

@Suite("Retries")
struct RetryTests {
    static let rows: [(UpstreamError, wasSent: Bool, isRepeatable: Bool, isAllowed: Bool)] = [
        (.connectFailed, false, false, true), (.connectTimeout, false, false, true),
        (.certificateRefused, false, false, true), (.queueFull, false, false, true), (.poolClosed, false, false, true),
        // The fresh connection of a second try could not be made; the first one carried the request.
        (.connectFailed, true, false, false), (.connectFailed, true, true, true),
        (.closedBeforeResponse, true, true, true), (.closedBeforeResponse, true, false, false),
        (.firstByteTimeout, true, true, false), (.idleTimeout, true, true, false), (.brokenOff, true, true, false),
        (.malformedResponse("x"), true, true, false), (.headTooLarge, true, true, false),
        (.queueTimeout, false, true, false), (.noServer(retryAfter: 1), false, true, false),
    ]

    @Test("only what cannot be done twice, or may be, goes to another server", arguments: rows.indices)
    func rule(_ index: Int) {
        let row = Self.rows[index]
        #expect(RetryRule.allows(row.0, wasSent: row.wasSent, isRepeatable: row.isRepeatable) == row.isAllowed)
    }

    @Test("the budget gives a few at first, then a share of the requests")
    func budget() {
        var budget = RetryBudget(percent: 20)
        var spent = (0..<20).count { _ in budget.spend() }
        #expect(spent == RetryBudget.start)
        for _ in 0..<4 { budget.earn() }
        let more = (0..<2).map { round in
            if round == 1 { budget.earn() }
            return (0..<2).count { _ in budget.spend() }
        }
        #expect(more == [0, 1])
        for _ in 0..<100_000 { budget.earn() }
        spent = (0..<1000).count { _ in budget.spend() }
        #expect(spent == RetryBudget.most)
    }
}
