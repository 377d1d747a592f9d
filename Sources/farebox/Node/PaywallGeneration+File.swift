import Facilitator
import Ledger
import Pricing
import Primitives
import Proxy
import RouteFile
import Transport
import X402

extension PaywallGeneration {
    /// Puts the routes of a file on the rails of its adapters.
    ///
    /// `origin` is what 402s advertise.
    convenience init(_ plan: NodePlan, origin: String, registry: AdapterRegistry, client: OutgoingClient) {
        let file = plan.file
        let unmatched: PaywallGeneration.Unmatched =
            switch file.server.unmatched {
            case .deny: .deny
            case .free(let upstream):
                .free(
                    PaywallRoute(
                        name: "unmatched", upstream: upstream, returns: file.returns([], of: upstream, to: origin)))
            }
        self.init(
            table: file.table,
            routes: file.routes.map {
                PaywallRoute($0, file: file, origin: origin, registry: registry, client: client)
            },
            upstreams: file.upstreams.map(\.configuration), unmatched: unmatched, canonicaliser: file.canonicaliser,
            trust: file.server.trust, limits: file.limits, hasAccessLog: plan.hasAccessLog,
            discovery: file.server.tellsWhatIsSold ? DiscoveryBook(file, origin: origin) : nil)
    }
}

extension PaywallRoute {
    fileprivate convenience init(
        _ route: RouteSettings, file: RouteFile, origin: String, registry: AdapterRegistry, client: OutgoingClient
    ) {
        let facts: PaywallRoute.Facts =
            switch route.forwardPayment {
            case .none: .none
            case .plain: .plain
            case .signed: .signed(key: file.forwardKey?.reveal { Array($0.utf8) } ?? [])
            }
        let terms = SheetTerms(
            description: route.description, mimeType: route.mimeType, origin: origin, registry: registry,
            extensions: route.extensions, discovery: route.isDiscoverable ? route.discovery : nil,
            isVersion2Only: route.identifiers?.isRequired == true)
        self.init(
            name: route.name, upstream: route.upstream, pricing: file.pricing(of: route, on: terms, client),
            freeTier: route.freeTier,
            credit: route.credit.map { offer in
                RouteCredit(offer, sale: route.bundle.flatMap { file.sheet($0, of: route, on: terms) })
            },
            timing: route.timing,
            chargeOn: route.chargeOn, redelivery: RedeliveryPolicy(limit: route.redeliveries), facts: facts,
            upgrades: UpgradeSet(route.upgrade),
            returns: file.returns(route.scrub, of: route.upstream, to: origin), maxBodyBytes: route.maxBodyBytes,
            leastValidity: route.timing == .batch ? file.batch.plan.margin.components.seconds : 0,
            meter: file.meter(of: route),
            limits: route.limits, advertisedHosts: file.server.hasPublicURL ? [] : file.hosts(of: route),
            identifiers: route.identifiers, isShadow: route.isShadow)
    }
}

extension RouteSettings {
    /// What its 402s declare beside the offers.
    fileprivate var extensions: [JSONMember] {
        [identifiers.map { PresentedIdentifier.declaration(isRequired: $0.isRequired) }].compactMap(\.self)
    }
}

extension RouteFile {
    /// The hosts that a client of the route may have asked for, as far as the file names any.
    fileprivate func hosts(of route: RouteSettings) -> Set<String> {
        route.pattern.host.map { [$0] } ?? Set(routes.compactMap(\.pattern.host))
    }

    /// What is counted of a route's answers, with the rates in the assets of its offers.
    fileprivate func meter(of route: RouteSettings) -> RouteMeter? {
        guard let meter = route.meter else { return nil }
        let tariffs = route.allOffers.compactMap { offer -> RouteMeter.AssetTariff? in
            // The file was refused if an asset had no rate.
            guard let asset = assets.first(where: { $0.id == offer.asset })?.priced,
                let tariff = try? meter.tariff(in: asset)
            else { return nil }
            return RouteMeter.AssetTariff(
                network: offer.requirements.network, account: offer.requirements.asset, asset: asset, tariff: tariff)
        }
        return RouteMeter(meter, tariffs: tariffs)
    }

    /// What clients do not get of this upstream's answers as they came.
    fileprivate func returns(_ scrub: [String], of upstream: Int, to origin: String) -> ReturnPolicy {
        let settings = upstreams[upstream]
        let own =
            settings.rewritesLocation ? settings.configuration.members.flatMap(\.configuration.origins) : []
        return ReturnPolicy(scrub: scrub, ownOrigins: own, publicOrigin: origin)
    }

    /// What a route asks, worked out for every price that can be told beforehand.
    fileprivate func pricing(of route: RouteSettings, on terms: SheetTerms, _ client: OutgoingClient) -> RoutePricing {
        switch route.price {
        case .free: return .free
        case .fixed: return route.sheets.first.flatMap { sheet($0, of: route, on: terms) }.map { .fixed($0) } ?? .free
        case .table(let table):
            let body = route.bodyPrice.map { body in
                RouteTariff.BodyTerms(
                    maxBytes: body.maxBytes, dearest: body.dearest.flatMap { sheet($0, of: route, on: terms) })
            }
            return .table(
                RouteTariff(
                    table, pattern: route.pattern, sheets: route.sheets.map { sheet($0, of: route, on: terms) },
                    body: body, source: source(of: route, client), maker: maker(of: route, on: terms),
                    volume: volume(of: route, table)))
        }
    }

    private func source(of route: RouteSettings, _ client: OutgoingClient) -> PriceSource? {
        guard let source = route.source else { return nil }
        let kind: PriceSource.Kind =
            switch source.kind {
            case .service(let service):
                .service(
                    PriceService(
                        url: service.url, timeout: source.timeout, apiKey: service.apiKey, client: client))
            case .upstream(let quote): .upstream(quote)
            }
        return PriceSource(
            kind, fields: source.fields, fallback: source.fallback, refusesFree: route.terms.minimum != nil,
            book: QuoteBook(
                lifetime: source.lifetime, standing: Int64(route.maxTimeoutSeconds), maxOpen: source.maxConcurrent))
    }

    private func volume(of route: RouteSettings, _ table: PriceTable) -> VolumeCounter? {
        guard let seconds = route.volumeSeconds else { return nil }
        let priced = route.allOffers.compactMap { offer in
            assets.first { $0.id == offer.asset }.map { asset in
                (Currency(network: offer.requirements.network, asset: offer.requirements.asset), asset.priced)
            }
        }
        return VolumeCounter(
            table, window: AllowanceWindow(seconds: seconds), terms: route.terms,
            assets: Dictionary(priced, uniquingKeysWith: { first, _ in first }))
    }

    private func maker(of route: RouteSettings, on terms: SheetTerms) -> SheetMaker? {
        if route.source == nil { return nil }
        let made = route.templates.compactMap { template -> SheetMaker.Asset? in
            guard let asset = assets.first(where: { $0.id == template.asset })?.priced else { return nil }
            return SheetMaker.Asset(
                asset: asset, offer: template.requirements,
                exposure: { exposure(of: $0, asset: asset, on: route) })
        }
        return SheetMaker(made, terms: route.terms, on: terms)
    }

    /// Nil where nothing is asked.
    fileprivate func sheet(_ sheet: SheetSettings, of route: RouteSettings, on terms: SheetTerms) -> OfferSheet? {
        if sheet.isFree { return nil }
        return OfferSheet(
            sheet.requirements, price: sheet.price,
            exposures: exposures(of: sheet.offers, on: route), on: terms)
    }

    /// How much may be served unpaid under each of these offers, in the units of its asset.
    ///
    /// The limits are dollars; an asset that is not pegged to them is served unpaid only where its price is its own limit:
    /// one payment at a time for a payer, and as many in all as the two limits allow.
    private func exposures(
        of offers: [RouteOffer], on route: RouteSettings
    ) -> [PaymentRequirements: ExposureTerms] {
        var terms: [PaymentRequirements: ExposureTerms] = [:]
        for offer in offers {
            let asset = assets.first { $0.id == offer.asset }?.priced
            terms[offer.requirements] = asset.flatMap { exposure(of: offer.requirements, asset: $0, on: route) }
        }
        return terms
    }

    private func exposure(
        of offer: PaymentRequirements, asset: PricedAsset, on route: RouteSettings
    ) -> ExposureTerms? {
        let isCharged = route.meter != nil && route.bundle == nil && RouteMeter.isCharged(offer)
        if route.timing == .before, !isCharged { return nil }
        let amount = offer.amount
        func units(_ dollars: DollarAmount) -> UInt256 {
            guard asset.isDollarPegged else { return amount }
            return (try? dollars.atomicUnits(assetDecimals: asset.decimals)) ?? amount
        }
        let isTrusted = newPayers.trusted ?? (asset.isDollarPegged && amount <= units(.cent))
        // What is charged afterwards cannot be paid first: one answer at a time is always served.
        let perPayer = isCharged ? max(units(batch.exposureLimit), amount) : units(batch.exposureLimit)
        let total = isCharged ? max(units(batch.totalExposureLimit), amount) : units(batch.totalExposureLimit)
        return ExposureTerms(
            perPayer: perPayer, total: total,
            newcomer: isTrusted || isCharged ? nil : NewcomerRule(payments: newPayers.payments))
    }
}

extension UpstreamConfiguration {
    /// The origins under which a server may know itself.
    fileprivate var origins: [String] {
        switch address {
        case .unix: return ["http://localhost"]
        case .host(let host, let port):
            let (scheme, usualPort) = tls == nil ? ("http", 80) : ("https", 443)
            return [host, tls?.configuration.serverName].compactMap(\.self).flatMap { host in
                let origin = "\(scheme)://\(host.contains(":") ? "[\(host)]" : host)"
                return port == usualPort ? ["\(origin):\(port)", origin] : ["\(origin):\(port)"]
            }
        }
    }
}

extension DollarAmount {
    /// Up to this price a payer is trusted without a history.
    fileprivate static let cent: DollarAmount = {
        guard let cent = try? DollarAmount("0.01") else { preconditionFailure("a constant amount") }
        return cent
    }()
}
