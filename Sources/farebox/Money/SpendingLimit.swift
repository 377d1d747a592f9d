import EVM
import Pricing
import Primitives
import X402

/// The most that one payment may cost (`--max`).
enum SpendingLimit: Hashable {
    /// Dollars, for the tokens of the catalogue; everything else is refused.
    case dollars(DollarAmount)
    /// Atomic units of one asset, on one network or on any; everything else is refused.
    case units(UInt256, asset: Address, network: Network?)

    /// What a payment may cost unless told otherwise; the official clients have the same bound.
    static let standard = "$1"

    /// Why a text is no limit.
    struct Mistake: Error, Hashable {
        let reason: String
    }

    /// How an offer stands to the limit.
    enum Verdict: Hashable {
        case within
        case above
        case unknownAsset
    }

    /// Reads `$0.10`, `10000 usdc@base`, `10000 0x…` or `10000 0x… eip155:8453`.
    init(_ text: String) throws(Mistake) {
        if text.hasPrefix("$") {
            do throws(PriceError) {
                self = .dollars(try DollarAmount(text.dropFirst()))
            } catch {
                throw Mistake(reason: "`\(text)` \(error.reason)")
            }
            // Atomic units are rounded up elsewhere; a limit must not be.
            guard (text.split(separator: ".").dropFirst().first?.count ?? 0) <= 6 else {
                throw Mistake(reason: "`\(text)` has more than six digits behind the point")
            }
            return
        }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2 || words.count == 3, let amount = UInt256(String(words[0])) else {
            throw Mistake(reason: "`\(text)` is neither `$0.10` nor `10000 usdc@base` nor `10000 0x…`")
        }
        if words.count == 2, let known = AssetCatalogue.asset(id: String(words[1])) {
            self = .units(amount, asset: known.address, network: Network(chainID: known.chainID))
            return
        }
        guard let asset = Address(String(words[1])), Address.hasValidChecksum(String(words[1])) else {
            throw Mistake(reason: "`\(words[1])` is neither a known asset nor an address with a valid checksum")
        }
        guard words.count == 3 else {
            self = .units(amount, asset: asset, network: nil)
            return
        }
        guard let network = Network(String(words[2])) else {
            throw Mistake(reason: "`\(words[2])` is not a CAIP-2 network such as eip155:8453")
        }
        self = .units(amount, asset: asset, network: network)
    }

    func judge(_ offer: PaymentRequirements) -> Verdict {
        switch self {
        case .dollars(let dollars):
            guard let known = AssetCatalogue.asset(offer.asset, on: offer.network),
                let most = try? dollars.atomicUnits(assetDecimals: known.decimals)
            else { return .unknownAsset }
            return offer.amount <= most ? .within : .above
        case .units(let most, let asset, let network):
            guard offer.asset.address == asset, network == nil || network == offer.network else { return .unknownAsset }
            return offer.amount <= most ? .within : .above
        }
    }
}

extension SpendingLimit: CustomStringConvertible {
    var description: String {
        switch self {
        case .dollars(let dollars): dollars.description
        case .units(let amount, let asset, let network):
            "\(amount) units of \(asset)" + (network.map { " on \($0)" } ?? "")
        }
    }
}
