import Facilitator
import Pricing
import Primitives
import Proxy
import Transport
import X402

/// Reads a whole file: every table once, then what they say of each other.
struct FileReader {
    let log: MistakeLog
    let environment: [String: String]

    /// Nil when there are mistakes; they are in the log.
    func read(_ document: DocumentNode) -> RouteFile? {
        guard let root = Section(document, table: "", log: log) else { return nil }
        let payments = section(root, "payments")
        let maxValidity = payments.read("max_validity", ValueKind.duration)?.value ?? .seconds(86_400)
        let forwardKey = secret(payments, "forward_key_env")
        let assets = assets(root.sections("assets", table: "assets"))
        let upstreams = upstreams(root.sections("upstreams", table: "upstreams"))
        let batch = batch(payments)
        let newPayers = newPayers(payments)
        let settlers = payments.list("known_settlers", ValueKind.contract)?.map(\.value) ?? []
        let adapters = adapters(
            root.sections("adapters", table: "adapters"),
            ChainContext(
                assets: assets, policy: TransferPolicy(maxValidity: maxValidity.components.seconds),
                knownSettlers: Set(settlers), batch: batch))
        let context = RouteContext(
            assets: assets, upstreams: upstreams, adapters: adapters,
            terms: PaymentTerms(payments, assets: assets, inheriting: nil), maxValidity: maxValidity,
            batch: batch, hasForwardKey: payments.has("forward_key_env"))
        let routes = routes(root.sections("routes", table: "routes"), context)
        let server = server(section(root, "server"), upstreams)
        let payees = Set((context.terms.payTo?.accounts ?? []) + routes.flatMap(\.payees))
        let facilitator = root.section("facilitator", table: "facilitator").flatMap {
            self.facilitator($0, payees: payees, server: server, spendsGas: adapters.spendsGas)
        }
        let ledger = ledger(section(root, "ledger"))
        let (limits, maxTracked) = requestLimits(section(root, "limits"))
        guard log.mistakes.isEmpty, var server, let ledger else { return nil }
        server.limits.clientPrefix = limits.clientPrefix
        warn(routes: routes, server, ledger, hasFacilitator: facilitator != nil)
        let ready = upstreams.compactMap(\.settings)
        let settings = routes.compactMap(\.settings)
        guard let table = table(settings, ready, server) else { return nil }
        warn(HostBypass(routes: settings, table: table, unmatched: server.unmatched))
        let keeps = ready.contains(where: \.keepsEncodedSlash)
        return RouteFile(
            server: server, facilitator: facilitator, ledger: ledger, forwardKey: forwardKey, maxValidity: maxValidity,
            batch: batch, newPayers: newPayers, limits: limits, maxTracked: maxTracked,
            assets: assets.all, upstreams: ready, routes: settings, adapters: adapters.list.compactMap(\.configuration),
            table: table, canonicaliser: Canonicaliser(policy: CanonicalPolicy(encodedSlash: keeps ? .keep : .refuse)),
            warnings: log.sortedWarnings)
    }

    private func batch(_ payments: Section) -> BatchSettings {
        let section =
            payments.section("batch", table: "payments.batch") ?? Section(absent: "payments.batch", log: log)
        let fallback = Section(absent: "payments.batch", log: log)
        func value<Value>(_ key: String, _ kind: (DocumentNode) -> Reading<Value>) -> Value {
            if let value = section.read(key, kind)?.value ?? fallback.read(key, kind)?.value { return value }
            preconditionFailure("the schema has a default for payments.batch.\(key)")
        }
        return BatchSettings(
            interval: value("interval", ValueKind.duration), maxItems: value("max_items", ValueKind.integer(1...500)),
            exposureLimit: value("exposure_limit", ValueKind.dollars),
            totalExposureLimit: value("total_exposure_limit", ValueKind.dollars))
    }

    private func newPayers(_ payments: Section) -> NewPayerSettings {
        NewPayerSettings(
            trusted: payments.has("trust_new_payers") ? payments.read("trust_new_payers", ValueKind.bool)?.value : nil,
            payments: payments.read("new_payer_payments", ValueKind.integer(0...1_000_000))?.value ?? 0)
    }

    private func section(_ root: Section, _ name: String) -> Section {
        root.section(name, table: name) ?? Section(absent: name, log: log)
    }

    private func warn(routes: [RouteDraft], _ server: ServerSettings, _ ledger: LedgerSettings, hasFacilitator: Bool) {
        if routes.isEmpty, server.unmatched == .deny, !hasFacilitator {
            log.warn(Place(path: "routes", line: 0), "there are none: every request is answered 404")
        }
        if ledger == .memory {
            log.warn(Place(path: "ledger.url", line: 0), "payments are forgotten at exit, and could be used again")
        }
    }

    private func warn(_ bypass: HostBypass) {
        for (route, way) in bypass.found {
            let index = bypass.routes.firstIndex { $0.line == route.line } ?? 0
            let name = way.map { "`\($0.name)`" } ?? "`unmatched`"
            log.warn(
                Place(path: "routes[\(index)]", line: route.line),
                "a request for another host meets \(name) and the same upstream, for another price")
        }
    }

    /// Routes of one price make one class: the same rules, with the same offers in the same order.
    ///
    /// One whose rules look at its path is a class of its own: another reading of the path may have another price.
    private func table(
        _ routes: [RouteSettings], _ upstreams: [UpstreamSettings], _ server: ServerSettings
    ) -> RouteTable? {
        var classes: [RouteSettings.Cost: Int] = [:]
        let entries = routes.enumerated().map { index, route in
            let next = classes.count
            let cost: RouteCost =
                if route.isFree || route.isShadow {
                    .free
                } else if route.pricesByPath {
                    .priced(class: -1 - index)
                } else {
                    .priced(class: classes[route.cost, setDefault: next])
                }
            return RouteTable.Entry(
                route.pattern, cost: cost, keepsEncodedSlash: upstreams[route.upstream].keepsEncodedSlash)
        }
        var unmatched = UnmatchedPolicy.deny
        if case .free(let upstream) = server.unmatched {
            unmatched = .free(keepsEncodedSlash: upstreams[upstream].keepsEncodedSlash)
        }
        // Conflicts were told with their lines.
        return try? RouteTable(entries, unmatched: unmatched)
    }
}

extension Dictionary {
    fileprivate subscript(key: Key, setDefault value: Value) -> Value {
        mutating get {
            if let known = self[key] { return known }
            self[key] = value
            return value
        }
    }
}
