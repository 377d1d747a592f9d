import EVM
import Primitives
import X402

/// The assets that a file can name.
struct AssetBook {
    private(set) var all: [AssetSettings] = AssetCatalogue.all.map(AssetSettings.init)
    /// The file's own, with their lines.
    private(set) var own: [(asset: AssetSettings, place: Place)] = []

    /// Ids of entries that could not be read.
    private var unreadable: Set<String> = []

    var ids: [String] { all.map(\.id) }

    func asset(_ id: String) -> AssetSettings? { all.first { $0.id == id } }

    mutating func add(_ asset: AssetSettings, place: Place) {
        all.append(asset)
        own.append((asset, place))
    }

    mutating func addUnreadable(_ id: String) { unreadable.insert(id) }

    func isUnreadable(_ id: String) -> Bool { unreadable.contains(id) }

    /// An asset by its id, or why there is none.
    func read(_ node: DocumentNode) -> Reading<AssetSettings> {
        guard case .string(let id) = node.value else { return .mistake("must be an asset's id, not \(node.kind)") }
        if let asset = asset(id) { return .value(asset) }
        if isUnreadable(id) { return .toldElsewhere }
        return .mistake("unknown asset \"\(id)\"", suggestion: NearestName.of(id, among: ids))
    }
}

extension AssetSettings {
    fileprivate init(_ known: KnownAsset) {
        self.init(
            id: known.id, network: Network(chainID: known.chainID), account: .address(known.address),
            decimals: known.decimals, signingName: known.name, signingVersion: known.version, isDollarPegged: true)
    }
}

extension FileReader {
    /// `[[assets]]`, beside the catalogue.
    func assets(_ sections: [Section]) -> AssetBook {
        var book = AssetBook()
        for section in sections {
            guard let asset = asset(section) else {
                if case .string(let id)? = section.node("id")?.value { book.addUnreadable(id) }
                continue
            }
            let place = section.place(of: "id")
            if let other = book.own.first(where: { $0.asset.id == asset.id }) {
                log.add(place, "there is another asset \"\(asset.id)\" in line \(other.place.line)")
            } else if book.asset(asset.id) != nil {
                log.add(place, "\"\(asset.id)\" is in the built-in catalogue; choose another id")
            } else if let same = book.all.first(where: { $0.network == asset.network && $0.account == asset.account }) {
                log.add(section.place(of: "address"), "is the asset \"\(same.id)\" already")
            } else {
                book.add(asset, place: place)
            }
        }
        return book
    }

    private func asset(_ section: Section) -> AssetSettings? {
        let id = section.require("id", Self.assetID)
        let network = section.require("network", ValueKind.network)
        let decimals = section.require("decimals", ValueKind.integer(0...36))
        let transfer = section.read("transfer", ValueKind.word([("eip3009", false), ("permit2", true)]))
        let isPegged = section.read("peg", ValueKind.word([("none", false), ("usd", true)]))
        let isContract = network?.value.chainID != nil
        let account = section.require("address") { isContract ? Self.contract($0) : Self.assetName($0) }
        // Permit2 has a domain of its own; the token's is a courtesy to clients there.
        let needsDomain = isContract && transfer?.value == false
        let name = needsDomain ? section.require("name", ValueKind.text) : section.read("name", ValueKind.text)
        let version = needsDomain ? section.require("version", ValueKind.text) : section.read("version", ValueKind.text)
        if network != nil, !isContract {
            section.refuse(["name", "version"], "belongs to EVM assets: it is the EIP-712 domain that payers sign for")
            section.refuse(["transfer"], "belongs to EVM assets")
        }
        guard let id, let network, let decimals, let account, let isPegged, let transfer else { return nil }
        if needsDomain, name == nil || version == nil { return nil }
        return AssetSettings(
            id: id.value, network: network.value, account: account.value, decimals: decimals.value,
            signingName: name?.value, signingVersion: version?.value, isDollarPegged: isPegged.value,
            usesPermit2: transfer.value)
    }

    /// Ids stand in prices, behind a space and before a comma.
    private static func assetID(_ node: DocumentNode) -> Reading<String> {
        switch ValueKind.name(node) {
        case .value(let text) where text.contains(",") || text.contains("$"):
            .mistake("has a character that prices use")
        case let reading: reading
        }
    }

    private static func contract(_ node: DocumentNode) -> Reading<Account> {
        guard case .value(let text) = ValueKind.text(node) else { return ValueKind.text(node).map(Account.named) }
        return ValueKind.address(text).map(Account.address)
    }

    private static func assetName(_ node: DocumentNode) -> Reading<Account> {
        ValueKind.name(node).map(Account.init(_:))
    }
}
