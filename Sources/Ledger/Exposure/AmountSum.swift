import Primitives

/// A sum of amounts that can exceed 256 bits: sellers may name any amount, and a sum must come down again exactly.
struct AmountSum: Hashable, Sendable {
    private var low = UInt256.zero
    private var carries = 0

    /// The sum, nil where it does not fit an amount.
    var value: UInt256? { carries == 0 ? low : nil }

    var isZero: Bool { carries == 0 && low == .zero }

    mutating func add(_ amount: UInt256) {
        if let sum = low.adding(amount) {
            low = sum
        } else {
            low = Self.wrapped(low, minus: Self.complement(of: amount))
            carries += 1
        }
    }

    mutating func add(_ other: AmountSum) {
        add(other.low)
        carries += other.carries
    }

    mutating func subtract(_ amount: UInt256) {
        if let difference = low.subtracting(amount) {
            low = difference
        } else {
            precondition(carries > 0, "a sum of amounts below zero")
            low = low.adding(Self.complement(of: amount)) ?? .max
            carries -= 1
        }
    }

    /// Whether the sum and the amount are at most the bound.
    func fits(_ amount: UInt256, in bound: UInt256) -> Bool {
        guard let total = value?.adding(amount) else { return false }
        return total <= bound
    }

    /// 2²⁵⁶ − amount, for an amount that is not zero.
    private static func complement(of amount: UInt256) -> UInt256 {
        UInt256.max.subtracting(amount)?.adding(UInt256(1)) ?? .zero
    }

    private static func wrapped(_ low: UInt256, minus amount: UInt256) -> UInt256 {
        low.subtracting(amount) ?? .zero
    }
}
