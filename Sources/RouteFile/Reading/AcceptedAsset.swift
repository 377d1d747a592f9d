import X402

/// An entry of `accepts`: an asset, and the scheme that it is paid under.
struct AcceptedAsset: Hashable {
    var asset: AssetSettings
    /// `exact`, or `upto` where the entry says so.
    var scheme = "exact"

    var id: String { asset.id }

    /// The entry as the file has it.
    var text: String { scheme == "exact" ? id : "\(scheme) \(id)" }

    /// Whether version 1 can say it.
    var hasVersion1: Bool { scheme == "exact" && !asset.usesPermit2 && asset.network.v1Name != nil }

    /// The offer's `extra`; `facilitator` is who settles under upto.
    func extra(facilitator: JSONMember?) -> OfferExtra {
        let usesPermit2 = scheme == "upto" || asset.usesPermit2
        let others = (usesPermit2 ? [.permitTransfer] : []) + (scheme == "upto" ? [facilitator].compactMap(\.self) : [])
        return OfferExtra(name: asset.signingName, version: asset.signingVersion, others: others)
    }
}

extension AssetBook {
    /// Reads `"usdc@base"`, or `"upto usdc@base"`.
    func accepted(_ node: DocumentNode) -> Reading<AcceptedAsset> {
        guard case .string(let text) = node.value, text.hasPrefix("upto ") else {
            return read(node).map { AcceptedAsset(asset: $0) }
        }
        var named = node
        named.value = .string(String(text.dropFirst("upto ".count)))
        let reading = read(named)
        if case .value(let asset) = reading, asset.network.chainID == nil {
            return .mistake("is no EVM asset: only those are paid under upto")
        }
        return reading.map { AcceptedAsset(asset: $0, scheme: "upto") }
    }
}
