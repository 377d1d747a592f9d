package import Primitives

/// Wei that may go into gas within an hour: what a flood of payments can cost at most.
///
/// Time is an argument. What a transaction may cost is reserved when it is sent and corrected when it is mined.
package struct GasBudget: Sendable {
    /// Nil for no limit.
    package let perHour: UInt256?
    private var minutes: [(minute: Int64, wei: UInt256)] = []

    package init(perHour: UInt256?) { self.perHour = perHour }

    /// Reserves what a transaction may cost, unless the hour has no room for it.
    package mutating func reserve(_ wei: UInt256, now: UnixTime) -> Bool {
        guard let perHour else { return true }
        forget(before: now)
        guard let total = spent.adding(wei), total <= perHour else { return false }
        add(wei, now: now)
        return true
    }

    /// Gives back what a transaction did not cost, and takes what it cost beyond its reservation: its fees may have been raised.
    package mutating func correct(reserved: UInt256, cost: UInt256) {
        guard perHour != nil, let last = minutes.indices.last else { return }
        guard var excess = reserved.subtracting(cost) else {
            minutes[last].wei = minutes[last].wei.adding(cost.subtracting(reserved) ?? .zero) ?? .max
            return
        }
        for index in minutes.indices.reversed() where excess > .zero {
            let back = min(excess, minutes[index].wei)
            minutes[index].wei = minutes[index].wei.subtracting(back) ?? .zero
            excess = excess.subtracting(back) ?? .zero
        }
    }

    /// Wei reserved or spent within the hour.
    package var spent: UInt256 {
        minutes.reduce(UInt256.zero) { $0.adding($1.wei) ?? .max }
    }

    private mutating func add(_ wei: UInt256, now: UnixTime) {
        let minute = now.seconds / 60
        if let last = minutes.last, last.minute == minute {
            minutes[minutes.count - 1].wei = last.wei.adding(wei) ?? .max
        } else {
            minutes.append((minute, wei))
        }
    }

    private mutating func forget(before now: UnixTime) {
        let first = now.seconds / 60 - 59
        minutes.removeAll { $0.minute < first }
    }
}
