import X402

/// Why a payer does not sign for an offer.
enum OfferRefusal: Error, Hashable {
    /// Another scheme, transfer method or kind of network than an ERC-3009 authorization can pay.
    case notPayable
    /// The EIP-712 domain is neither in the offer nor in the catalogue.
    case noDomain
    /// The payer asked for another network.
    case otherNetwork
    /// The limit says nothing of this asset.
    case unknownAsset
    case aboveLimit
    /// The offer ended before it was answered.
    case expired

    var reason: String {
        switch self {
        case .notPayable: "not payable with an ERC-3009 authorization (scheme, network or transfer method)"
        case .noDomain: "names no EIP-712 domain (extra.name, extra.version), and the catalogue does not know the asset"
        case .otherNetwork: "not the network of --network"
        case .unknownAsset:
            "--max does not cover this asset; if you know it, write --max 'UNITS ADDRESS NETWORK'"
        case .aboveLimit: "above --max"
        case .expired: "expired"
        }
    }
}
