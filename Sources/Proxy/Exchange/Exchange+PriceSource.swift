import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// A price that no rule names: somebody is asked for it.
extension Exchange {
    func askSource(_ quote: RequestQuote, _ route: PaywallRoute) {
        guard let source = quote.tariff.source else { return unpriced(route, .priceUnavailable) }
        if case .upstream(let asked) = source.kind, let refusal = asked.doubtful(eachLine: eachForwardedLine) {
            return unpriced(route, .unpriced(refusal))
        }
        let question = question(quote.facts, quote.tariff, source, route)
        let key = question.key
        quote.question = key
        if let paid = paidQuote(quote, route) {
            quote.rule = source.name
            return admit(paid, quote, route)
        }
        let home = loop.home(of: self)
        let reply: QuoteBook.Reply = { told in home.post { $0.sourceAnswered(told) } }
        switch source.book.ask(key, now: loop.now(), reply: reply) {
        case .holds(let told): sourceAnswered(told)
        case .joined: return
        case .full: sourceAnswered(nil)
        case .ask: ask(source, question, key, quote.tariff, route)
        }
    }

    private func question(
        _ facts: QuoteFacts, _ tariff: RouteTariff, _ source: PriceSource, _ route: PaywallRoute
    ) -> PriceQuestion {
        let head = stream.head
        switch source.kind {
        case .service:
            return .service(
                PriceServiceMessage.Question(
                    route: route.name, method: methodName, host: head.host.map { head.string($0).lowercased() } ?? "",
                    path: withForwardedTarget { target in
                        String(decoding: target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
                    },
                    fields: source.fields.map { (tariff.table.fields[$0], facts.readings[$0]) }))
        case .upstream(let quote):
            let host = ForwardedHead.host(of: head)
            return .upstream(
                withForwardedTarget { quote.head(target: $0, host: host, eachLine: eachForwardedLine) })
        }
    }

    /// Asks, and tells everyone who waits for the same.
    private func ask(
        _ source: PriceSource, _ question: PriceQuestion, _ key: Bytes32, _ tariff: RouteTariff,
        _ route: PaywallRoute
    ) {
        let now = loop.shared.now
        let answered: @Sendable (ToldPrice?) -> Void = { told in
            source.book.answered(key, told.flatMap { tariff.canAsk($0.price) ? $0 : nil }, now: now())
        }
        switch (source.kind, question) {
        case (.service(let teller), .service(let question)):
            let isTaken = loop.shared.desk.submit { answered(await teller.ask(question)) }
            if !isTaken { answered(nil) }
        case (.upstream(let quote), .upstream(let head)):
            let group = loop.upstream(route.upstream, of: generation)
            var buffer = group.headBuffer()
            buffer.writeBytes(head)
            if stream.head.host == nil {
                ForwardedHead.appendHost(of: group.configuration.members[0].configuration, to: &buffer)
            }
            UpstreamQuoteCall.ask(
                quote, buffer, group, key: group.hashSource.map(balanceKey) ?? 0, on: loop.eventLoop, answered: answered
            )
        case (.service, .upstream), (.upstream, .service): answered(nil)
        }
    }

    /// The sheet of a payment that came along, where it is for a price that was told for this very request and still stands.
    private func paidQuote(_ quote: RequestQuote, _ route: PaywallRoute) -> OfferSheet? {
        guard route.credit?.sale == nil, case .payment(let payment) = readPayment() else { return nil }
        return quotedSheets(quote.facts, quote.tariff, route).first { payment.signedOffer(of: bound($0)) != nil }
    }

    /// What was told for such a request and still stands, the newest first.
    func quotedSheets(_ facts: QuoteFacts, _ tariff: RouteTariff, _ route: PaywallRoute) -> [OfferSheet] {
        guard let source = tariff.source, let maker = tariff.maker else { return [] }
        let key = question(facts, tariff, source, route).key
        return source.book.standingPrices(of: key, now: loop.now()).compactMap { price in
            (try? maker.sheet(for: price)).flatMap { $0 }
        }
    }

    /// Nil where the source could not be asked, or its answer not be read.
    private func sourceAnswered(_ told: ToldPrice?) {
        guard !isAbandoned, let quote, let route, let source = quote.tariff.source else { return }
        guard let told, let maker = quote.tariff.maker else { return sourceFailed(source, quote, route) }
        do throws(PriceError) {
            let sheet = try maker.sheet(for: told.price)
            quote.rule = source.name
            quote.note = told.note
            admit(sheet, quote, route)
        } catch {
            sourceFailed(source, quote, route)
        }
    }

    private func sourceFailed(_ source: PriceSource, _ quote: RequestQuote, _ route: PaywallRoute) {
        loop.counters.pricesUnavailable += 1
        guard let amount = source.fallback else { return unpriced(route, .priceUnavailable) }
        remark = "price unavailable"
        quote.rule = "fallback"
        if let question = quote.question {
            source.book.gave(quote.tariff.table.amounts[amount], for: question, now: loop.now())
        }
        admit(quote.tariff.sheets[amount], quote, route)
    }
}
