import Ledger
import Pricing
import Primitives
import Proxy
import X402

/// What routes are read against.
struct RouteContext {
    var assets: AssetBook
    var upstreams: [UpstreamDraft]
    var adapters: AdapterBook
    var terms: PaymentTerms
    var maxValidity: Duration
    var batch: BatchSettings
    var hasForwardKey: Bool
}

/// A route as far as it could be read.
struct RouteDraft {
    var pattern: Located<RoutePattern>?
    var settings: RouteSettings?
    /// Whom its offers pay.
    var payees: [Account]
}

extension FileReader {
    /// `[[routes]]`, in the order of the file, with the conflicts among them.
    func routes(_ sections: [Section], _ context: RouteContext) -> [RouteDraft] {
        let drafts = sections.map { route($0, context) }
        let patterns = drafts.compactMap(\.pattern)
        for conflict in RouteTable.conflicts(among: patterns.map(\.value)) {
            let (first, second) = (patterns[conflict.first], patterns[conflict.second])
            log.add(
                second.place,
                "matches the same requests as `\(first.value)` in line \(first.place.line), with the same precedence")
        }
        return drafts
    }

    private func route(_ section: Section, _ context: RouteContext) -> RouteDraft {
        let pattern = pattern(section)
        var terms = PaymentTerms(section, assets: context.assets, inheriting: context.terms)
        makeRoomForBatch(&terms, context)
        let upstream = upstream(section, context)
        let price = self.price(section, pattern: pattern?.value)
        let description = section.read("description", ValueKind.text)
        let maxBody = section.read("max_body_bytes", ValueKind.size)
        let scrub = section.list("scrub", ValueKind.fieldName) ?? []
        let upgrade = section.list("upgrade", ValueKind.upgradeToken) ?? []
        let mimeType = section.read("mime_type", ValueKind.text)
        let limits = routeLimits(section, isFree: price.map { $0.price == .free })
        var sheets: [SheetSettings]?
        if let price, price.price != .free {
            sheets = self.sheets(price, section, terms, context)
            checkTimes(section, terms, context)
            checkVolume(price, section, terms)
        }
        let standing = standing(
            section, isFree: price.map { $0.price == .free }, price: price, prices: sheets ?? [], terms,
            context)
        let meter = meter(
            section, isFree: price?.price == .free, offers: (sheets ?? []).flatMap(\.offers), context.assets)
        checkFreeTokens(section, standing.freeTier, meter)
        var draft = RouteDraft(pattern: pattern, settings: nil, payees: terms.payTo?.accounts ?? [])
        guard let pattern, let upstream, let price, let value = price.price, let description, let mimeType,
            let timing = terms.timing,
            let maxTimeout = terms.maxTimeoutSeconds, let redeliveries = terms.redeliveries,
            let forward = terms.forward, let mode = terms.mode,
            let limits, standing.isWhole
        else { return draft }
        if forward.value == .signed, !context.hasForwardKey {
            log.addOnce(forward.place, "\"signed\" needs `forward_key_env` in [payments]")
        }
        draft.settings = RouteSettings(
            name: pattern.value.description, pattern: pattern.value, line: section.place.line, upstream: upstream.value,
            price: value, sheets: sheets ?? [], terms: price.terms, bodyPrice: bodyPrice(price, sheets ?? []),
            source: price.source, volumeSeconds: price.volumeSeconds,
            templates: templates(price, section, terms, context),
            timing: timing.value, chargeOn: terms.chargeOn,
            redeliveries: redeliveries.value, maxTimeoutSeconds: maxTimeout.value, description: description.value,
            mimeType: mimeType.value, forwardPayment: forward.value,
            upgrade: upgrade.map(\.value), maxBodyBytes: maxBody.map { UInt64($0.value) }, scrub: scrub.map(\.value),
            limits: limits, freeTier: standing.freeTier, credit: standing.credit, bundle: standing.bundle,
            identifiers: identifiers(section, isFree: value == .free, terms),
            isDiscoverable: section.read("discoverable", ValueKind.bool)?.value ?? false,
            discovery: discovery(section, pattern.value, isFree: value == .free), meter: meter,
            mode: mode.value)
        noteMode(mode, of: section, isFree: value == .free)
        return draft
    }

    private func noteMode(_ mode: Located<RouteMode>, of section: Section, isFree: Bool) {
        if isFree { return section.refuse(["mode"], "has no meaning on a free route: nothing is asked of it") }
        guard mode.value == .shadow else { return }
        log.warnOnce(mode.place, "\"shadow\": prices are recorded, and nobody is asked to pay")
    }

    private func pattern(_ section: Section) -> Located<RoutePattern>? {
        let host = section.read("host", ValueKind.name)
        guard let text = section.require("match", ValueKind.text) else { return nil }
        do {
            let pattern = try RoutePattern.parse(text.value, host: host?.value)
            for method in pattern.methods ?? [] {
                guard let meant = Self.misspelled(method) else { continue }
                log.add(text.place, "has the method \(method), which HTTP does not know", suggestion: meant)
            }
            return Located(value: pattern, place: text.place)
        } catch {
            var place = text.place
            var suggestion: String?
            switch error {
            case .badHost where host != nil: place = section.place(of: "host")
            case .badMethod(let method): suggestion = Self.method(method)
            default: break
            }
            log.add(place, error.reason, suggestion: suggestion)
            return nil
        }
    }

    private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

    private static func method(_ word: String) -> String? { NearestName.of(word.uppercased(), among: methods) }

    /// The common method that is one edit away; others, such as those of WebDAV, are taken as they are.
    private static func misspelled(_ method: String) -> String? {
        if methods.contains(method) { return nil }
        return methods.first { NearestName.distance(Array(method), Array($0)) == 1 }
    }

    private func upstream(_ section: Section, _ context: RouteContext) -> Located<Int>? {
        if !section.has("upstream"), context.upstreams.count == 1 {
            return Located(value: 0, place: section.place(of: "upstream"))
        }
        return section.require("upstream", Self.upstream(context.upstreams))
    }

    /// Under `batch` an offer must stand long enough for a batch, its block and one more batch.
    private func makeRoomForBatch(_ terms: inout PaymentTerms, _ context: RouteContext) {
        guard terms.timing?.value == .batch, let given = terms.maxTimeoutSeconds else { return }
        let least = Int(context.batch.leastValidity.components.seconds) + Self.signingSeconds
        if given.value >= least, terms.isTimeoutGiven { return }
        if terms.isTimeoutGiven {
            log.addOnce(given.place, "is too short for `settle = \"batch\"`: at least \(least)")
        } else {
            terms.maxTimeoutSeconds?.value = max(least, Self.batchTimeoutSeconds)
        }
    }

    private func identifiers(_ section: Section, isFree: Bool, _ terms: PaymentTerms) -> IdentifierPolicy? {
        if isFree { section.refuse(["payment_identifier"], "has no meaning on a free route: nobody pays") }
        guard let use = terms.identifiers, use.value != .off, !isFree else { return nil }
        if let key = ["grant", "bundle"].first(where: section.has) {
            // What is inherited gives way; what the route says itself is a contradiction.
            if section.has("payment_identifier") {
                log.add(use.place, "and `\(key)` exclude each other: what was paid for is opened again by its token")
            }
            return nil
        }
        return IdentifierPolicy(
            isRequired: use.value == .required, seconds: terms.identifierSeconds, maxAnswerBytes: terms.maxKeptAnswer)
    }

    /// How long a client may take to sign and come back.
    private static let signingSeconds = 10
    /// `max_timeout_seconds` of a batch route that says none.
    private static let batchTimeoutSeconds = 120

    private func checkTimes(_ section: Section, _ terms: PaymentTerms, _ context: RouteContext) {
        guard let maxTimeout = terms.maxTimeoutSeconds, .seconds(maxTimeout.value) > context.maxValidity else { return }
        log.addOnce(maxTimeout.place, "is longer than `max_validity`: every payment would be refused")
    }
}
