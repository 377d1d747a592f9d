package import Ledger
package import Primitives

/// Which of the payments that are owed are settled now.
///
/// Pure: time is an argument. A batch is closed when its interval is over, when it is full, or when one of its payments would
/// not live to see the next.
package struct BatchPlan: Hashable, Sendable {
    /// How often a batch is closed.
    package var interval: Duration
    /// The most payments of one batch.
    package var maxItems: Int
    /// What a settlement may take until it is mined.
    package var inclusion: Duration

    package init(interval: Duration, maxItems: Int, inclusion: Duration = .seconds(15)) {
        precondition(maxItems > 0, "a batch has room for a payment")
        self.interval = interval
        self.maxItems = maxItems
        self.inclusion = inclusion
    }

    /// What is due of one adapter's payments, those that end first at the front: the most urgent are never left for the next.
    ///
    /// Those whose time is over come last. They only wait for the chain to say so, and take no place from others.
    ///
    /// - Parameter sinceLast: Time since the last batch was closed.
    package func due(_ owed: [PaymentRecord], sinceLast: Duration, now: UnixTime) -> [PaymentRecord] {
        let isFull = owed.count >= maxItems
        let urgent = owed.contains { isUrgent($0, now: now) }
        // What was tried a moment ago and could not be moved is not tried at every look.
        let isPressing = (isFull || urgent) && sinceLast >= interval / 4
        guard !owed.isEmpty, isPressing || sinceLast >= interval else { return [] }
        let (over, live) = (owed.filter { $0.end <= now }, owed.filter { $0.end > now })
        return Array((live.inOrderOfEnd + over.inOrderOfEnd).prefix(maxItems))
    }

    /// Whether waiting for the next batch leaves no time for one retry.
    package func isUrgent(_ record: PaymentRecord, now: UnixTime) -> Bool {
        record.end > now && record.end <= now.adding(seconds: margin.components.seconds)
    }

    /// What a payment must have left when it is claimed: a batch to wait for, its block, and one more batch.
    package var margin: Duration { interval * 2 + inclusion }
}

extension PaymentRecord {
    /// When its value can no longer move; far away where the rail has no such limit.
    fileprivate var end: UnixTime { claim.validBefore ?? UnixTime(.max) }
}

extension [PaymentRecord] {
    fileprivate var inOrderOfEnd: [PaymentRecord] {
        sorted { ($0.end, $0.reference.row) < ($1.end, $1.reference.row) }
    }
}
