import EVM
import Primitives
import X402

/// Amounts as people read them.
enum AmountText {
    /// Atomic units as a decimal fraction: 1500 of an asset with 6 decimals is `0.0015`.
    static func decimal(_ amount: UInt256, decimals: Int) -> String {
        precondition(decimals >= 0, "decimals are not negative")
        let digits = amount.description
        guard decimals > 0 else { return digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        var fraction = padded.suffix(decimals)
        while fraction.last == "0" { fraction.removeLast() }
        let whole = padded.dropLast(decimals)
        return fraction.isEmpty ? String(whole) : whole + "." + fraction
    }

    /// `$0.001 (1000 usdc@base)` for a catalogue asset, `1000 units of 0x…` for another.
    static func offer(_ amount: UInt256, asset: Account, network: Network) -> String {
        guard let known = AssetCatalogue.asset(asset, on: network) else { return "\(amount) units of \(asset)" }
        return "$\(decimal(amount, decimals: known.decimals)) (\(amount) \(known.id))"
    }
}

extension AssetCatalogue {
    /// The known token at an address of a network.
    static func asset(_ asset: Account, on network: Network) -> KnownAsset? {
        guard let chain = network.chainID, let address = asset.address else { return nil }
        return all.first { $0.chainID == chain && $0.address == address }
    }
}
