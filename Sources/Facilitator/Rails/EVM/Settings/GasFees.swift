import EVM
package import Primitives

/// What a transaction offers for a unit of gas, in wei (EIP-1559).
package struct GasFees: Hashable, Sendable {
    /// The most for base fee and tip together.
    package var maxFee: UInt256
    package var tip: UInt256

    package init(maxFee: UInt256, tip: UInt256) {
        self.maxFee = maxFee
        self.tip = tip
    }

    /// The most that so much gas can cost.
    package func bound(gas: UInt64) -> UInt256 { maxFee.multiplied(by: gas) ?? .max }
}

/// What may be paid for gas, and how an offer is raised.
package struct FeePolicy: Hashable, Sendable {
    /// The most wei for a unit of gas, tip included: above it nothing is sent.
    package var maxFeePerGas: UInt256
    /// The least tip.
    package var minTip: UInt256

    /// Percent that a replacement pays more: nodes ask for a tenth at least (go-ethereum, `PriceBump`), and rounding must not eat it.
    package static let bumpPercent: UInt64 = 13

    /// 50 gwei is far above what the rollups in the catalogue take, and a calm hour of Ethereum.
    package static let defaultMaxFeePerGas = UInt256(50_000_000_000)

    package init(maxFeePerGas: UInt256 = Self.defaultMaxFeePerGas, minTip: UInt256 = UInt256(1_000_000)) {
        self.maxFeePerGas = maxFeePerGas
        self.minTip = minTip
    }

    /// The first offer: room for six full blocks in a row, at an eighth more each; nil when the market is above the limit.
    package func opening(_ market: ChainFees) -> GasFees? {
        let tip = min(max(market.priorityFee, minTip), maxFeePerGas)
        guard let least = market.baseFee.adding(tip), least <= maxFeePerGas else { return nil }
        let wanted = market.baseFee.multiplied(by: 2)?.adding(tip) ?? maxFeePerGas
        return GasFees(maxFee: min(wanted, maxFeePerGas), tip: tip)
    }

    /// An offer that replaces another; nil when the limit leaves no room for one.
    package func raised(_ old: GasFees, market: ChainFees?) -> GasFees? {
        guard var tip = Self.bumped(old.tip), var maxFee = Self.bumped(old.maxFee) else { return nil }
        if let market, let opening = opening(market) {
            tip = max(tip, opening.tip)
            maxFee = max(maxFee, opening.maxFee)
        }
        guard maxFee <= maxFeePerGas, tip <= maxFee else { return nil }
        return GasFees(maxFee: maxFee, tip: tip)
    }

    private static func bumped(_ value: UInt256) -> UInt256? {
        guard let raised = value.multiplied(by: 100 + bumpPercent)?.adding(UInt256(99)) else { return nil }
        return raised.quotientAndRemainder(dividingBy: 100).0
    }
}
