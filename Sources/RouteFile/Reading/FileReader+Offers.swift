import Pricing
import Primitives
import X402

/// What a route's price comes to in each asset that it accepts.
extension FileReader {
    /// One sheet for each amount; nil where one of them cannot be had.
    func sheets(
        _ price: PriceDraft, _ section: Section, _ terms: PaymentTerms, _ context: RouteContext
    ) -> [SheetSettings]? {
        let accepts = accepted(section, terms, context)
        checkRates(price, terms, context)
        guard !price.amounts.isEmpty else {
            for asset in accepts { _ = offer(asset, units: nil, terms, context) }
            return price.source == nil ? nil : []
        }
        return price.amounts.map { amount in
            let isUsable = checkAssets(of: amount, terms, context)
            let offers = accepts.compactMap { asset in
                let units = isUsable ? units(amount, of: asset.value.asset, price) : nil
                return offer(asset, units: units, terms, context)
            }
            let text = (try? price.terms.bundled(amount.value)) ?? amount.value.price
            return SheetSettings(price: text.description, offers: amount.value.price == .free ? [] : offers)
        }
    }

    /// The offers of what a source says, without their amounts.
    func templates(
        _ price: PriceDraft, _ section: Section, _ terms: PaymentTerms, _ context: RouteContext
    ) -> [RouteOffer] {
        guard price.source != nil else { return [] }
        return (terms.accepts ?? []).compactMap { offer($0, units: .zero, terms, context) }
    }

    /// How rules look into bodies; the dearest offer is the dearest in each asset.
    func bodyPrice(_ price: PriceDraft, _ sheets: [SheetSettings]) -> BodyPriceSettings? {
        guard let maxBytes = price.maxBodyBytes else { return nil }
        guard price.asksDearestForUnreadable, var dearest = sheets.first(where: { !$0.isFree }) else {
            return BodyPriceSettings(maxBytes: maxBytes, dearest: nil)
        }
        for sheet in sheets where !sheet.isFree && sheet.offers.count == dearest.offers.count {
            for (index, offer) in sheet.offers.enumerated()
            where offer.requirements.amount > dearest.offers[index].requirements.amount {
                dearest.offers[index] = offer
                dearest.price = sheet.price
            }
        }
        return BodyPriceSettings(maxBytes: maxBytes, dearest: dearest)
    }

    private func checkRates(_ price: PriceDraft, _ terms: PaymentTerms, _ context: RouteContext) {
        for asset in price.terms.rates.keys.sorted() where !context.assets.isUnreadable(asset) {
            let place = Place(path: price.place.path + ".rate", line: price.place.line)
            if context.assets.asset(asset) == nil {
                log.add(
                    place, "unknown asset \"\(asset)\"", suggestion: NearestName.of(asset, among: context.assets.ids))
            } else if let accepts = terms.accepts, !accepts.contains(where: { $0.value.id == asset }) {
                log.add(place, "has a rate of \(asset), which the route does not accept")
            }
        }
    }

    /// False when the price names what there is not.
    private func checkAssets(of price: Located<TablePrice>, _ terms: PaymentTerms, _ context: RouteContext) -> Bool {
        var isUsable = true
        for id in price.value.price.namedAssets where !context.assets.isUnreadable(id) {
            if context.assets.asset(id) == nil {
                isUsable = false
                log.add(
                    price.place, "unknown asset \"\(id)\"", suggestion: NearestName.of(id, among: context.assets.ids))
            } else if let accepts = terms.accepts, !accepts.contains(where: { $0.value.id == id }) {
                isUsable = false
                log.add(price.place, "has an amount of \(id), which the route does not accept")
            }
        }
        return isUsable
    }

    /// The assets that pay for a route, with what is wrong about them.
    private func accepted(
        _ section: Section, _ terms: PaymentTerms, _ context: RouteContext
    ) -> [Located<AcceptedAsset>] {
        guard let accepts = terms.accepts else {
            log.add(
                section.place(of: "accepts"), "is missing, here and in [payments]: which assets pay for this route?")
            return []
        }
        if accepts.isEmpty, !log.hasMistake(under: terms.acceptsPlace) {
            log.addOnce(terms.acceptsPlace, "is empty: nothing could pay for a route")
        }
        if terms.payTo == nil {
            log.add(section.place(of: "pay_to"), "is missing, here and in [payments]: who is paid?")
        }
        for (index, accepted) in accepts.enumerated()
        where accepts[..<index].contains(where: { $0.value == accepted.value }) {
            log.addOnce(accepted.place, "\(accepted.value.text) is there twice")
        }
        return accepts
    }

    private func offer(
        _ accepted: Located<AcceptedAsset>, units amount: UInt256?, _ terms: PaymentTerms, _ context: RouteContext
    ) -> RouteOffer? {
        let (asset, scheme) = (accepted.value.asset, accepted.value.scheme)
        let payee = payee(asset, terms)
        let served = [1, 2].compactMap { version -> (version: Int, adapter: String)? in
            if version == 1, !accepted.value.hasVersion1 { return nil }
            return context.adapters.serving(version: version, scheme: scheme, network: asset.network)
                .map { (version, $0) }
        }
        guard let best = served.last else {
            if context.adapters.isComplete {
                let what = scheme == "exact" ? "" : "scheme \(scheme) on "
                log.addOnce(accepted.place, "no adapter serves \(what)\(asset.network), the network of \(asset.id)")
            }
            return nil
        }
        guard let amount, let payee, let maxTimeout = terms.maxTimeoutSeconds else { return nil }
        let requirements = PaymentRequirements(
            scheme: scheme, network: asset.network, asset: asset.account, amount: amount, payTo: payee,
            maxTimeoutSeconds: maxTimeout.value,
            extra: accepted.value.extra(facilitator: context.adapters.facilitator(of: best.adapter)))
        return RouteOffer(
            requirements: requirements, asset: asset.id, assetDecimals: asset.decimals, versions: served.map(\.version),
            adapter: best.adapter)
    }

    private func units(_ amount: Located<TablePrice>, of asset: AssetSettings, _ price: PriceDraft) -> UInt256? {
        do throws(PriceError) {
            let units = try price.terms.amount(
                of: amount.value,
                in: PricedAsset(id: asset.id, decimals: asset.decimals, isDollarPegged: asset.isDollarPegged))
            if let units, units.bound != .none, !amount.value.isCost {
                let bound = units.bound == .raised ? "raised to `minimum`" : "lowered to `maximum`"
                log.warn(amount.place, "is \(bound) in \(asset.id)")
            }
            return units?.units
        } catch {
            let isHelpedByRate = if case .notPegged = error { price.isTable } else { false }
            log.addOnce(amount.place, isHelpedByRate ? error.reason + ", or a `rate`" : error.reason)
            return nil
        }
    }

    private func payee(_ asset: AssetSettings, _ terms: PaymentTerms) -> Account? {
        guard let payTo = terms.payTo, payTo.isReadable else { return nil }
        guard let payee = payTo.account(on: asset.network) else {
            log.addOnce(payTo.place, "names nobody on \(asset.network), the network of \(asset.id)")
            return nil
        }
        if asset.network.chainID != nil, payee.value.address == nil {
            log.addOnce(payee.place, "is not an address: 0x and 40 hexadecimal digits, as \(asset.id) needs")
            return nil
        }
        return payee.value
    }
}
