import Ledger
import Pricing
import Proxy
import X402

/// What a route gives beside one answer for one payment.
struct StandingDraft {
    var freeTier: FreeTier?
    var credit: CreditOffer?
    var bundle: SheetSettings?
    /// False where something is wrong with it.
    var isWhole = true
}

/// `free`, `grant` and `bundle` of a route.
extension FileReader {
    func standing(
        _ section: Section, isFree: Bool?, price: PriceDraft?, prices: [SheetSettings], _ terms: PaymentTerms,
        _ context: RouteContext
    ) -> StandingDraft {
        var draft = StandingDraft()
        if isFree == true {
            section.refuse(["free", "grant", "bundle"], "has no meaning on a free route: nobody pays")
            return draft
        }
        if section.has("free") {
            draft.freeTier = section.section("free", table: "routes.free").flatMap(freeTier)
            draft.isWhole = draft.freeTier != nil
        }
        guard section.has("grant") || section.has("bundle") else { return draft }
        if section.has("grant"), section.has("bundle") {
            log.add(
                section.place(of: "grant"), "and `bundle` exclude each other: a bundle has its own `for` and `uses`")
        }
        if section.has("grant"), section.has("meter"), let accepts = terms.accepts,
            accepts.contains(where: { $0.value.scheme == "upto" })
        {
            log.add(
                section.place(of: "grant"),
                "needs a payment that is settled before, and under \"upto\" what `meter` counts is settled after")
        }
        if let timing = terms.timing, timing.value != .before {
            let key = section.has("grant") ? "grant" : "bundle"
            log.add(section.place(of: key), "needs `settle = \"before\"`: what is not settled opens nothing")
        }
        if let grant = section.section("grant", table: "routes.grant") {
            draft.credit = credit(grant, isBalance: false)
        } else if let bundle = section.section("bundle", table: "routes.bundle") {
            draft.credit = credit(bundle, isBalance: true)
            draft.bundle = sale(bundle, section, terms, context)
            if let sale = draft.bundle {
                checkCovers(sale, prices, at: bundle.place(of: "amount"))
                if let price, price.source != nil {
                    checkCoversTold(sale, price, terms, at: bundle.place(of: "amount"))
                }
            }
            if draft.credit?.servesOnLess == true, !section.has("meter") {
                log.add(
                    bundle.place(of: "on_low_balance"),
                    "needs `meter`: a request costs its price, and is not served for less"
                )
            }
            draft.isWhole = draft.isWhole && draft.bundle != nil
        }
        draft.isWhole = draft.isWhole && draft.credit != nil
        return draft
    }

    private func freeTier(_ section: Section) -> FreeTier? {
        let requests = section.read("requests", ValueKind.integer(1...1_000_000_000))
        let bytes = section.read("bytes", ValueKind.size)
        let tokens = section.read("tokens", ValueKind.integer(1...1_000_000_000_000))
        let window = section.require("per", ValueKind.duration)
        let subject = section.read("by", ValueKind.freeSubject)
        if ["requests", "bytes", "tokens"].filter({ section.has($0) }).count != 1 {
            log.add(section.place, "must say one of `requests`, `bytes` and `tokens`: how much is free")
            return nil
        }
        if let window, window.value.components.attoseconds != 0 {
            log.add(window.place, "must be whole seconds")
            return nil
        }
        guard let window, let subject, let limit = requests?.value ?? bytes?.value ?? tokens?.value else {
            return nil
        }
        return FreeTier(
            limit: UInt64(limit), unit: tokens != nil ? .tokens : bytes != nil ? .bytes : .requests,
            window: AllowanceWindow(seconds: window.value.components.seconds), subject: subject.value)
    }

    /// Tokens are free only where they are counted, and where it is known beforehand how many there may be.
    func checkFreeTokens(_ section: Section, _ tier: FreeTier?, _ meter: UsageMeter?) {
        guard tier?.unit == .tokens else { return }
        if let meter {
            guard !meter.estimatesTokens else { return }
        } else if section.has("meter") {
            return
        }
        log.add(section.place(of: "free"), "needs a `meter` that counts tokens, with an `estimate` of output_tokens")
    }

    private func credit(_ section: Section, isBalance: Bool) -> CreditOffer? {
        let scope = section.read("scope", ValueKind.word(CreditOffer.Scope.allCases.map { ($0.rawValue, $0) }))
        let lasts = section.read("for", ValueKind.duration)
        let uses = section.read("uses", ValueKind.integer(1...1_000_000_000))
        let bytes = section.read("bytes", ValueKind.size)
        if !isBalance, !section.has("for"), !section.has("uses"), !section.has("bytes") {
            log.add(section.place, "must say at least one of `for`, `uses` and `bytes`: what one payment opens")
            return nil
        }
        let serves =
            isBalance ? section.read("on_low_balance", ValueKind.word([("refuse", false), ("serve", true)])) : nil
        for key in ["for", "uses", "bytes"] where section.has(key) {
            if log.hasMistake(under: section.place(of: key)) { return nil }
        }
        guard let scope else { return nil }
        return CreditOffer(
            scope: scope.value, isBalance: isBalance, uses: uses.map { UInt32($0.value) },
            bytes: bytes.map { UInt64($0.value) }, seconds: lasts.map { max($0.value.components.seconds, 1) },
            servesOnLess: serves?.value ?? false)
    }

    /// The request that a bundle is bought with must not cost more than the bundle.
    private func checkCovers(_ sale: SheetSettings, _ prices: [SheetSettings], at place: Place) {
        for offer in prices.flatMap(\.offers) {
            let isShort = sale.offers.contains {
                $0.asset == offer.asset && $0.requirements.amount < offer.requirements.amount
            }
            guard isShort else { continue }
            return log.add(place, "is less than one request may cost in \(offer.asset)")
        }
    }

    /// No price that a source tells may be more than the bundle either.
    private func checkCoversTold(_ sale: SheetSettings, _ price: PriceDraft, _ terms: PaymentTerms, at place: Place) {
        guard let maximum = price.terms.maximum else {
            return log.add(place, "needs `maximum` in [routes.price]: what is told must not be more than the bundle")
        }
        let most = TablePrice(.amounts(dollars: maximum, units: []))
        for offer in sale.offers {
            guard let asset = terms.accepts?.first(where: { $0.value.id == offer.asset })?.value.asset,
                let units = try? price.terms.amount(of: most, in: asset.priced)?.units,
                offer.requirements.amount < units
            else { continue }
            return log.add(place, "is less than the `maximum` of [routes.price] in \(offer.asset)")
        }
    }

    /// What is asked for a bundle.
    private func sale(
        _ bundle: Section, _ section: Section, _ terms: PaymentTerms, _ context: RouteContext
    ) -> SheetSettings? {
        guard let amount = bundle.require("amount", ValueKind.price) else { return nil }
        guard amount.value != .free else {
            log.add(amount.place, "is free: a bundle is paid for")
            return nil
        }
        var price = PriceDraft(place: amount.place)
        price.price = .fixed(amount.value)
        price.amounts = [Located(value: TablePrice(amount.value), place: amount.place)]
        return sheets(price, section, terms, context)?.first
    }
}

extension ValueKind {
    /// `"ip"`, `"payer"`, `"header:x-api-key"`.
    static func freeSubject(_ node: DocumentNode) -> Reading<FreeTier.Subject> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        switch text {
        case "ip": return .value(.client)
        case "payer": return .value(.payer)
        default: break
        }
        guard text.hasPrefix("header:") else {
            return .mistake("must be \"ip\", \"payer\" or \"header:\" and a field's name")
        }
        let name = String(text.dropFirst("header:".count))
        return fieldName(DocumentNode(value: .string(name), place: node.place)).map { .field($0) }
    }
}
