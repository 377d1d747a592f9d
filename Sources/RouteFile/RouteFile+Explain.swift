import Ledger
package import Pricing
package import Primitives
import X402

/// What a request would cost under a file, and why.
package struct PriceExplanation: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// A route of this index in the file.
        case route(Int)
        /// No route, and the file forwards such requests for nothing to this upstream.
        case unmatchedFree(upstream: Int)
        /// 404.
        case notFound
        /// 405, with the methods that the path has.
        case methodNotAllowed(allow: String)
        /// 400.
        case refused(TargetRefusal)
        /// A route of this index, and a request that its price table cannot judge: 400, 413 or 415.
        case unpriced(route: Int, status: Int)
        /// The argument is no URL and no path.
        case notATarget
    }

    /// One way to pay.
    package struct Amount: Hashable, Sendable {
        package var asset: String
        package var network: String
        /// Atomic units.
        package var units: UInt256
        /// The same with the asset's point, `0.001`.
        package var decimal: String
        package var payTo: String
        package var adapter: String
    }

    package var outcome: Outcome
    /// The price that is asked, in the words that payers see; "free" where nothing is.
    package var price: String?
    /// The rule of the price table that decided.
    package var rule: String?
    /// The ways to pay, in order of preference.
    package var offers: [RouteOffer] = []
    /// The origin form that would be forwarded; nil when refused.
    package var forwarded: String?
    package var host: String
    /// In the order of offers; empty when nothing is asked.
    package var amounts: [Amount]
    /// Sentences for people, in order.
    package var reasons: [String]
}

extension RouteFile {
    /// Explains the price of a URL, or of a path on the public URL's host.
    package func explain(
        method: String, target: String, with content: PricedContent = PricedContent()
    ) -> PriceExplanation {
        let isPath = target.hasPrefix("/")
        // Port 0 stands for one that is not known before it is bound.
        let publicURL = server.publicURL.hasSuffix(":0") ? String(server.publicURL.dropLast(2)) : server.publicURL
        let authority = Self.authority(of: isPath ? publicURL : target)
        guard let authority else {
            return PriceExplanation(
                outcome: .notATarget, forwarded: nil, host: "", amounts: [],
                reasons: ["\"\(target)\" is neither a path nor an http or https URL"])
        }
        return Array(method.utf8).withUnsafeBytes { method in
            Array(target.utf8).withUnsafeBytes { target in
                Array(authority.utf8).withUnsafeBytes { host in explain(method, target, host, content) }
            }
        }
    }

    private func explain(
        _ method: UnsafeRawBufferPointer, _ target: UnsafeRawBufferPointer, _ host: UnsafeRawBufferPointer,
        _ content: PricedContent
    ) -> PriceExplanation {
        let hostText = String(decoding: host, as: UTF8.self)
        let canonical: CanonicalTarget
        switch canonicaliser.canonicalise(method: method, target: target, host: host) {
        case .target(let target): canonical = target
        case .refused(let refusal):
            return PriceExplanation(
                outcome: .refused(refusal), forwarded: nil, host: hostText, amounts: [], reasons: ["\(refusal.message)"]
            )
        }
        let forwarded = canonical.withBytes(of: target) { bytes in
            String(decoding: bytes[canonical.originForm], as: UTF8.self)
        }
        var explanation = PriceExplanation(
            outcome: .notFound, forwarded: forwarded, host: hostText, amounts: [], reasons: [])
        if canonical.form != .asIs { explanation.reasons.append("the canonical target is \(forwarded)") }
        switch table.match(method: method, canonical: canonical, target: target, host: host) {
        case .route(let index):
            let others = others(than: index, method, target, host, canonical)
            let request = PricedRequest(
                method: String(decoding: method, as: UTF8.self), target: forwarded, doubts: canonical.doubts,
                content: content)
            explain(index, request, others, &explanation)
        case .methodNotAllowed(let allow):
            explanation.outcome = .methodNotAllowed(allow: allow)
            explanation.reasons.append("the path is known, the method is not: 405 with Allow: \(allow)")
        case .refused(let refusal):
            explanation.outcome = .refused(refusal)
            explanation.forwarded = nil
            explanation.reasons.append("\(refusal.message)")
        case .none: explainUnmatched(&explanation)
        }
        return explanation
    }

    private func explain(
        _ index: Int, _ request: PricedRequest, _ others: [Int], _ explanation: inout PriceExplanation
    ) {
        let route = routes[index]
        explanation.outcome = .route(index)
        explanation.reasons.append("matches `\(route.name)` in line \(route.line)")
        for other in others {
            explanation.reasons.append(
                "`\(routes[other].name)` in line \(routes[other].line) would match too, and is less specific")
        }
        var sheet = route.sheets.first
        switch route.price {
        case .free:
            explanation.price = "free"
            explanation.reasons.append("the route is free")
            return
        case .fixed: break
        case .table(let table):
            let verdict = PriceTableExplanation(route, table, request)
            explanation.reasons += verdict.reasons
            switch verdict.result {
            case .refused(let status):
                explanation.outcome = .unpriced(route: index, status: status)
                return
            case .source:
                explanation.rule = route.source?.isUpstream == true ? "upstream" : "service"
                return
            case .sheet(let chosen, let rule):
                sheet = chosen
                explanation.rule = rule
            }
        }
        guard let sheet else { return }
        explanation.price = sheet.price
        if sheet.isFree { return explanation.reasons.append("the price is \"free\"") }
        let when = route.timing == .before ? "before the request is forwarded" : "after the upstream has answered"
        explanation.reasons.append("the price is \(sheet.price), settled \(when)")
        if let meter = route.meter {
            let what =
                route.bundle == nil
                ? "under \"upto\" that is the most" : "so much is held of a bundle, and that is the most"
            explanation.reasons.append("\(what): what is charged is counted, \(meter.ratesText)")
        }
        explanation.offers = sheet.offers
        explanation.amounts = sheet.offers.map { offer in
            PriceExplanation.Amount(
                asset: offer.asset, network: offer.requirements.network.name, units: offer.requirements.amount,
                decimal: Self.decimal(offer.requirements.amount, offer.assetDecimals),
                payTo: offer.requirements.payTo.description, adapter: offer.adapter)
        }
    }

    private func explainUnmatched(_ explanation: inout PriceExplanation) {
        switch server.unmatched {
        case .deny: explanation.reasons.append("no route matches: 404, and nothing is forwarded")
        case .free(let upstream):
            explanation.outcome = .unmatchedFree(upstream: upstream)
            explanation.price = "free"
            explanation.reasons.append("no route matches, and `unmatched` is \"free\"")
        }
    }

    /// Routes that would take the request if the winner were not there.
    private func others(
        than winner: Int, _ method: UnsafeRawBufferPointer, _ target: UnsafeRawBufferPointer,
        _ host: UnsafeRawBufferPointer, _ canonical: CanonicalTarget
    ) -> [Int] {
        routes.indices.filter { index in
            guard index != winner, let alone = try? RouteTable([.init(routes[index].pattern, cost: .free)]) else {
                return false
            }
            let match = alone.match(method: method, canonical: canonical, target: target, host: host)
            return match == .route(0)
        }
    }

    private static func authority(of url: String) -> String? {
        for scheme in ["http://", "https://"] where url.lowercased().hasPrefix(scheme) {
            let rest = url.dropFirst(scheme.count)
            return String(rest.prefix { !"/?#\\".contains($0) })
        }
        return nil
    }

    /// Atomic units with the asset's point, without zeros at the end.
    static func decimal(_ units: UInt256, _ decimals: Int) -> String {
        var digits = units.description
        guard decimals > 0 else { return digits }
        while digits.count <= decimals { digits = "0" + digits }
        let fraction = digits.suffix(decimals).reversed().drop { $0 == "0" }.reversed()
        let whole = String(digits.dropLast(decimals))
        return fraction.isEmpty ? whole : whole + "." + String(fraction)
    }
}
