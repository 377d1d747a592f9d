package import Pricing

/// What a route counts of its answers.
extension FileReader {
    /// `[routes.meter]`; nil without the table, or with a mistake in it.
    func meter(_ section: Section, isFree: Bool, offers: [RouteOffer], _ assets: AssetBook) -> UsageMeter? {
        let mistakes = log.mistakes.count
        guard let table = section.section("meter", table: "routes.meter") else { return nil }
        if isFree { section.refuse(["meter"], "has no meaning on a free route: nobody pays") }
        var terms = UsageMeter.Terms()
        terms.preset = table.read("preset", ValueKind.word(MeterPreset.allCases.map { ($0.rawValue, $0) }))?.value
        terms.rates = members(of: "per", table, ValueKind.meterRate).map { ($0.name, $0.value) }
        terms.usage = Dictionary(
            members(of: "usage", table, ValueKind.usagePlace).map { ($0.name, $0.value) }
        ) { first, _ in first }
        let largest = Int(UsageNumber.maximum / 1000)
        terms.assumed = Dictionary(
            members(of: "estimate", table, ValueKind.integer(0...largest)).map { ($0.name, UInt64($0.value)) }
        ) { first, _ in first }
        let successions: [(String, UsageShape.Succession)] = [("last", .last), ("every", .every)]
        terms.succession = table.read("stream_usage", ValueKind.word(successions))?.value ?? .last
        terms.missing =
            table.read("on_missing", ValueKind.word(UsageMeter.MissingRule.allCases.map { ($0.rawValue, $0) }))?.value
            ?? .estimate
        terms.addsUsage = table.read("add_usage", ValueKind.bool)?.value ?? false
        let maxima = [("price", false), ("request", true)]
        terms.isBoundedByRequest = table.read("maximum", ValueKind.word(maxima))?.value ?? false
        if let held = table.read("hold_up_to", ValueKind.size) { terms.heldBytes = UInt64(held.value) }
        checkNames(table)
        if terms.addsUsage, terms.preset?.asksForUsage != true {
            log.add(table.place(of: "add_usage"), "is known for preset = \"openai\" only")
        }
        guard log.mistakes.count == mistakes else { return nil }
        do {
            let meter = try UsageMeter(terms)
            check(meter, at: table.place(of: "per"), offers, assets)
            return meter
        } catch {
            let key =
                switch error {
                case .tooManyPaths: "usage"
                case .unbounded: "maximum"
                default: "per"
                }
            log.add(table.place(of: key), error.reason)
            return nil
        }
    }

    /// Every asset that pays for the route must have a rate, and no other can.
    private func check(_ meter: UsageMeter, at place: Place, _ offers: [RouteOffer], _ assets: AssetBook) {
        for id in meter.namedAssets where !offers.isEmpty && !assets.isUnreadable(id) {
            if offers.contains(where: { $0.asset == id }) { continue }
            log.add(
                place, "has an amount of \(id), which the route does not accept",
                suggestion: NearestName.of(id, among: offers.map(\.asset)))
        }
        for offer in offers {
            guard let asset = assets.asset(offer.asset) else { continue }
            do {
                _ = try meter.tariff(in: asset.priced)
            } catch {
                log.addOnce(place, error.reason)
            }
        }
    }

    /// Every member of a table of the file's own names, in the order of the alphabet.
    private func members<Value>(
        of key: String, _ table: Section, _ kind: (DocumentNode) -> Reading<Value>
    ) -> [(name: String, value: Value)] {
        guard let node = table.node(key) else { return [] }
        guard case .table(let members) = node.value else {
            log.add(node.place, "is \(node.kind), not a table")
            return []
        }
        return members.sorted { $0.key < $1.key }.compactMap { name, member in
            kind(member).value(at: member.place, log).map { (name, $0) }
        }
    }

    /// What nobody counts has no use for a place or an estimate.
    private func checkNames(_ table: Section) {
        let counted = names(in: "per", table).map(\.name)
        for key in ["usage", "estimate"] {
            for (name, place) in names(in: key, table) {
                if !counted.contains(name) {
                    log.add(
                        place, "is not counted: per has no rate for it",
                        suggestion: NearestName.of(name, among: counted))
                } else if UsageMeter.isCountedByUs(name) {
                    log.add(place, "is counted here, and needs no \(key)")
                }
            }
        }
    }

    private func names(in key: String, _ table: Section) -> [(name: String, place: Place)] {
        guard case .table(let members)? = table.node(key)?.value else { return [] }
        return members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.place) }
    }
}

extension AssetSettings {
    /// The asset as far as prices and rates go.
    package var priced: PricedAsset { PricedAsset(id: id, decimals: decimals, isDollarPegged: isDollarPegged) }
}

extension ValueKind {
    /// `"$2.50 / 1M"`.
    static func meterRate(_ node: DocumentNode) -> Reading<MeterRate> {
        guard case .string(let text) = node.value else {
            return .mistake("must be a rate such as \"$2.50 / 1M\", not \(node.kind)")
        }
        do {
            return .value(try MeterRate(text))
        } catch {
            return .mistake(error.reason)
        }
    }

    /// `"usage.total_tokens"`, `"header:X-Tokens"`, `"trailer:X-Tokens"`.
    static func usagePlace(_ node: DocumentNode) -> Reading<UsagePlace> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        do {
            return .value(try UsagePlace(text))
        } catch {
            return .mistake(error.reason)
        }
    }
}
