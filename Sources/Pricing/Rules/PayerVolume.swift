package import Primitives

/// What a payer has paid on a route in the window that runs.
package struct PayerVolume: Hashable, Sendable {
    /// Billionths of a dollar; what was worth less each time is not in it.
    package var paid: UInt64
    package var payments: UInt64

    package init(paid: UInt64 = 0, payments: UInt64 = 0) {
        self.paid = paid
        self.payments = payments
    }

    /// That of a payer whom nobody knows.
    package static let none = PayerVolume()

    /// Reads dollars without their sign, `12` or `0.5`; nil for what is no amount of whole billionths.
    package static func billionths(ofDollars text: some StringProtocol) -> UInt64? {
        guard let amount = try? DollarAmount(Substring(text)), amount.decimals <= 9 else { return nil }
        return (try? ScaledQuotient(amount.digits, exponent: 9 - amount.decimals).rounded(.down))?.uint64
    }
}

/// A comparison of what a payer has paid, or how often: `>= $100`, `> 1000`.
package struct VolumeComparison: Hashable, Sendable, CustomStringConvertible {
    package enum Unit: Hashable, Sendable { case dollars, payments }

    private let relation: NumberComparison.Relation
    private let bound: UInt64
    package let description: String

    /// Reads one comparison, or several with commas between them; nil for any other text.
    package static func list(_ text: String, _ unit: Unit) -> [VolumeComparison]? {
        var comparisons: [VolumeComparison] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let comparison = VolumeComparison(part.drop { $0 == " " }, unit) else { return nil }
            comparisons.append(comparison)
        }
        return comparisons
    }

    private init?(_ text: Substring, _ unit: Unit) {
        guard let relation = NumberComparison.Relation.allCases.first(where: { text.hasPrefix($0.rawValue) }) else {
            return nil
        }
        let rest = text.dropFirst(relation.rawValue.count).drop { $0 == " " }
        switch unit {
        case .dollars:
            guard rest.first == "$", let bound = PayerVolume.billionths(ofDollars: rest.dropFirst()) else { return nil }
            self.bound = bound
        case .payments:
            guard let bound = UInt64(rest), String(bound) == rest else { return nil }
            self.bound = bound
        }
        self.relation = relation
        description = "\(relation.rawValue) \(rest)"
    }

    package func holds(for value: UInt64) -> Bool {
        switch relation {
        case .atLeast: value >= bound
        case .atMost: value <= bound
        case .more: value > bound
        case .less: value < bound
        case .equal: value == bound
        case .unequal: value != bound
        }
    }

    /// The values on both sides of each place where it begins or ceases to hold.
    fileprivate var steps: [UInt64] { [bound == 0 ? 0 : bound - 1, bound, bound == .max ? bound : bound + 1] }
}

extension PriceTable {
    /// Whether any rule asks what the payer has paid before.
    package var dependsOnPayer: Bool { !dollarSteps.isEmpty || !paymentSteps.isEmpty }

    /// Whether any rule asks how many dollars that were.
    package var dependsOnDollarsPaid: Bool { !dollarSteps.isEmpty }

    /// Whether any rule asks how many payments that were.
    package var dependsOnPayments: Bool { !paymentSteps.isEmpty }

    private var dollarSteps: [UInt64] {
        steps { if case .paid(let comparisons) = $0 { comparisons } else { [] } }
    }

    private var paymentSteps: [UInt64] {
        steps { if case .payments(let comparisons) = $0 { comparisons } else { [] } }
    }

    private func steps(_ comparisons: (PriceCondition) -> [VolumeComparison]) -> [UInt64] {
        rules.flatMap(\.conditions).flatMap(comparisons).flatMap(\.steps)
    }

    /// The volumes that a payer has passed through, by what rules make of them; the latest first.
    ///
    /// Prices that were told at any of them may be paid by who has paid more since.
    package func volumes(upTo volume: PayerVolume) -> [PayerVolume] {
        let paid = Set(dollarSteps + [0, volume.paid]).filter { $0 <= volume.paid }.sorted(by: >)
        let payments = Set(paymentSteps + [0, volume.payments]).filter { $0 <= volume.payments }.sorted(by: >)
        return paid.flatMap { paid in payments.map { PayerVolume(paid: paid, payments: $0) } }
    }
}

extension PriceTerms {
    /// Billionths of a dollar that units of an asset are worth, rounded down; nil where nothing tells.
    package func billionths(of units: UInt256, in asset: PricedAsset) -> UInt64? {
        var (value, exponent) = (units, 9 - asset.decimals)
        if let rate = rates[asset.id] {
            guard let factor = rate.digits.uint64 else { return nil }
            guard let product = units.multiplied(by: factor) else { return .max }
            (value, exponent) = (product, exponent - rate.decimals)
        } else if !asset.isDollarPegged {
            return nil
        }
        guard let worth = try? ScaledQuotient(value, exponent: exponent).rounded(.down) else { return .max }
        return worth.uint64 ?? .max
    }
}
