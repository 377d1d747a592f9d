package import Ledger
package import Pricing
import Primitives

/// Counts what payers pay on a route, for prices that depend on it.
package struct VolumeCounter: Sendable {
    enum Unit: String, Sendable {
        case paid, payments
    }

    private let window: AllowanceWindow
    private let terms: PriceTerms
    private let assets: [Currency: PricedAsset]
    /// What the rules ask for; nothing else is counted.
    let units: [Unit]

    package init(_ table: PriceTable, window: AllowanceWindow, terms: PriceTerms, assets: [Currency: PricedAsset]) {
        self.window = window
        self.terms = terms
        self.assets = assets
        units = (table.dependsOnDollarsPaid ? [.paid] : []) + (table.dependsOnPayments ? [.payments] : [])
    }

    /// A look at one counter, which takes nothing.
    func look(_ unit: Unit, route: String, payer: String, key: Bytes32) -> AllowanceClaim {
        // What is counted ends where numbers do; it is no limit.
        AllowanceClaim(key: counter(unit, route, payer, key), window: window, limit: .max, amount: 0)
    }

    /// What a look found; a payer that the ledger has no room for has paid nothing.
    static func used(_ outcome: AllowanceOutcome) -> UInt64 { outcome.isGranted ? .max - outcome.left : 0 }

    /// What a charge adds to the counters; nothing where it is worth nothing.
    func additions(
        of charge: UInt256, in currency: Currency, route: String, payer: String, key: Bytes32
    ) -> [AllowanceClaim] {
        units.compactMap { unit in
            var claim = look(unit, route: route, payer: payer, key: key)
            switch unit {
            case .paid: claim.amount = assets[currency].flatMap { terms.billionths(of: charge, in: $0) } ?? 0
            case .payments: claim.amount = 1
            }
            return claim.amount == 0 ? nil : claim
        }
    }

    /// The ledger sees a keyed hash, as of every counter.
    private func counter(_ unit: Unit, _ route: String, _ payer: String, _ key: Bytes32) -> Bytes32 {
        Keccak256.hash(
            key.bytes + Array("volume\u{0}\(unit.rawValue)\u{0}\(window.seconds)\u{0}\(route)\u{0}\(payer)".utf8))
    }
}
