import Ledger
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("Which payments a batch takes")
struct BatchPlanTests {
    let plan = BatchPlan(interval: .seconds(12), maxItems: 3)
    let now = Fixture.now

    private func record(_ row: Int64, endsIn seconds: Int64?) -> PaymentRecord {
        let identity = PaymentIdentity(key: SHA256.hash("\(row)"))
        let claim = Claim(
            identity: identity, owner: .paywall(RequestBinding(route: "/x", method: "GET", target: .zero)),
            adapter: "chain", form: .v2, timing: .batch, scheme: "exact", network: Fixture.offer.network,
            asset: Fixture.offer.asset, amount: Fixture.offer.amount, payTo: Fixture.offer.payTo, payer: "payer",
            validBefore: seconds.map { now.adding(seconds: $0) })
        return PaymentRecord(
            reference: PaymentReference(identity: identity, row: row), claim: claim,
            state: PaymentState(value: .owed, service: .delivered), createdAt: now, updatedAt: now)
    }

    private func due(_ ends: [Int64?], sinceLast: Duration) -> [Int64] {
        let records = ends.enumerated().map { record(Int64($0.offset), endsIn: $0.element) }
        return plan.due(records, sinceLast: sinceLast, now: now).map(\.reference.row)
    }

    @Test("a batch is closed when its interval is over, and nothing is due of nothing")
    func interval() {
        #expect(due([300], sinceLast: .milliseconds(11_999)) == [])
        #expect(due([300], sinceLast: .seconds(12)) == [0])
        #expect(due([], sinceLast: .seconds(1_000)) == [])
    }

    @Test("a full batch is closed sooner, but not at every look")
    func full() {
        #expect(due([300, 300, 300], sinceLast: .seconds(3)) == [0, 1, 2])
        #expect(due([300, 300, 300], sinceLast: .milliseconds(2_999)) == [])
        #expect(due([300, 300], sinceLast: .seconds(3)) == [])
    }

    @Test(
        "a payment that would not live to see the batch after the next closes it sooner",
        arguments: [(39, true), (40, false), (0, false), (-1, false)] as [(Int64, Bool)])
    func urgent(seconds: Int64, isUrgent: Bool) {
        // Two intervals and a block: 12 + 12 + 15.
        #expect(plan.margin == .seconds(39))
        #expect(plan.isUrgent(record(1, endsIn: seconds), now: now) == isUrgent)
        #expect(due([300, seconds], sinceLast: .seconds(4)) == (isUrgent ? [1, 0] : []))
    }

    @Test("those that end first go first, and those that never end last")
    func order() {
        #expect(due([nil, 300, 200, 100, 400], sinceLast: .seconds(12)) == [3, 2, 1])
        #expect(due([nil, 300], sinceLast: .seconds(12)) == [1, 0])
        #expect(due([200, 200, 200, 200], sinceLast: .seconds(12)) == [0, 1, 2])
    }

    @Test("those whose time is over take no place from those that can still be paid")
    func expired() {
        #expect(due([-1, -2, -3, 50, 60], sinceLast: .seconds(12)) == [3, 4, 2])
        #expect(due([-1, -2, 0, -3], sinceLast: .seconds(12)) == [3, 1, 0])
    }
}
