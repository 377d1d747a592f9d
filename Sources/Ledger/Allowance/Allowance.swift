package import Primitives

/// A length of time after which what was used counts no longer, aligned to 1970-01-01 00:00 UTC.
///
/// Aligned, so that every node and every restart means the same window: a day begins at midnight UTC.
package struct AllowanceWindow: Hashable, Sendable {
    /// At least one.
    package let seconds: Int64

    package init(seconds: Int64) {
        self.seconds = max(seconds, 1)
    }

    /// The end of the window that a time is in; the first moment of the next one.
    package func end(at now: UnixTime) -> UnixTime {
        let whole = now.seconds / seconds - (now.seconds < 0 && now.seconds % seconds != 0 ? 1 : 0)
        return UnixTime((whole + 1).multipliedReportingOverflow(by: seconds).partialValue)
    }
}

/// One attempt to take from what is free.
package struct AllowanceClaim: Hashable, Sendable {
    /// Keyed hash of what is counted: the rule, and whose requests they are.
    ///
    /// Addresses are not stored as they are.
    package var key: Bytes32
    package var window: AllowanceWindow
    /// How much is free in a window.
    package var limit: UInt64
    /// How much is taken now, all or nothing.
    package var amount: UInt64

    package init(key: Bytes32, window: AllowanceWindow, limit: UInt64, amount: UInt64 = 1) {
        self.key = key
        self.window = window
        self.limit = limit
        self.amount = amount
    }
}

/// What became of an attempt.
package struct AllowanceOutcome: Hashable, Sendable {
    package var isGranted: Bool
    /// What is free until the window ends.
    package var left: UInt64
    package var endsAt: UnixTime

    package init(isGranted: Bool, left: UInt64, endsAt: UnixTime) {
        self.isGranted = isGranted
        self.left = left
        self.endsAt = endsAt
    }
}

/// What was used in one window; the only judge, whatever the store.
package struct Allowance: Hashable, Sendable {
    package var used: UInt64
    package var endsAt: UnixTime

    package init(used: UInt64, endsAt: UnixTime) {
        self.used = used
        self.endsAt = endsAt
    }

    /// Judges an attempt over what a store has; what it must write where it is granted, nil where nothing changes.
    ///
    /// A window that lies ahead stays in force: a clock that was set back gives nothing for free twice.
    package static func decide(
        _ claim: AllowanceClaim, over existing: Allowance?, now: UnixTime
    ) -> (outcome: AllowanceOutcome, write: Allowance?) {
        var current = Allowance(used: 0, endsAt: claim.window.end(at: now))
        if let existing, now < existing.endsAt { current = existing }
        let left = claim.limit - min(current.used, claim.limit)
        guard claim.amount <= left else {
            return (AllowanceOutcome(isGranted: false, left: left, endsAt: current.endsAt), nil)
        }
        current.used += claim.amount
        let outcome = AllowanceOutcome(isGranted: true, left: left - claim.amount, endsAt: current.endsAt)
        return (outcome, claim.amount == 0 ? nil : current)
    }

    /// Corrects what was taken by what it came to; never below nothing.
    package func corrected(by difference: Int64) -> Allowance {
        var next = self
        if difference < 0 {
            next.used -= min(used, difference.magnitude)
        } else {
            let (sum, isOver) = used.addingReportingOverflow(difference.magnitude)
            next.used = isOver ? .max : sum
        }
        return next
    }
}
