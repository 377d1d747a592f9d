package import Primitives
import X402

/// The charge that an upstream names in `Settlement-Overrides` (x402, scheme `upto`).
package enum SettlementOverride: Hashable, Sendable {
    case units(UInt256)
    /// In hundredths of a percent of what was authorised; rounded down.
    case share(UInt64)
    /// Nil for nothing.
    case dollars(DollarAmount?)

    /// Reads `{"amount":"1000"}`, with `"50%"` or `"$0.05"` for the amount; nil for anything else.
    package init?(_ text: UnsafeRawBufferPointer) {
        let limits = JSONLimits(maxDepth: 4, maxBytes: 1024)
        guard let value = try? JSONValue.parse(text, limits: limits) else { return nil }
        switch value["amount"] {
        case .string(let amount): self.init(amount: amount)
        case .number(let digits):
            guard let units = UInt256(digits) else { return nil }
            self = .units(units)
        default: return nil
        }
    }

    private init?(amount text: String) {
        if text.hasPrefix("$") {
            do throws(PriceError) {
                self = .dollars(try DollarAmount(text.dropFirst()))
            } catch {
                guard error == .zero else { return nil }
                self = .dollars(nil)
            }
        } else if text.hasSuffix("%") {
            guard let share = Self.share(text.dropLast()) else { return nil }
            self = .share(share)
        } else if let units = UInt256(text) {
            self = .units(units)
        } else {
            return nil
        }
    }

    /// Reads a percentage with two digits behind the point at most.
    private static func share(_ text: Substring) -> UInt64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= 2, (1...3).contains(whole.count) else { return nil }
        guard parts.count == 1 || (1...2).contains(parts[1].count) else { return nil }
        var share: UInt64 = 0
        var decimals = 0
        for (index, part) in parts.enumerated() {
            for byte in part {
                let digit = byte &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                share = share * 10 + UInt64(digit)
                if index == 1 { decimals += 1 }
            }
        }
        for _ in decimals..<2 { share *= 10 }
        return share
    }

    /// The amount in the asset's atomic units; nil where dollars cannot be turned into it.
    package func amount(of authorised: UInt256, in asset: PricedAsset) -> UInt256? {
        switch self {
        case .units(let units): units
        // Beyond 256 bits it is more than was authorised, which is as much as can be charged.
        case .share(let share):
            authorised.multiplied(by: share).map { $0.quotientAndRemainder(dividingBy: 10_000).0 } ?? authorised
        case .dollars(nil): .zero
        case .dollars(let dollars?):
            asset.isDollarPegged ? try? dollars.atomicUnits(assetDecimals: asset.decimals) : nil
        }
    }
}
