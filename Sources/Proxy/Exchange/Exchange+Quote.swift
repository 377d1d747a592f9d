import NIOCore
import Pricing
import Primitives
import Transport

/// From the route to the sheet that the request is asked by.
extension Exchange {
    /// Finds the price of a request on a route that is not free.
    func quote(_ route: PaywallRoute) {
        switch route.pricing {
        case .free: admitFree(route)
        case .fixed(let sheet): admit(route, sheet)
        case .table(let tariff):
            let quote = RequestQuote(tariff, facts(tariff.reader, at: loop.now()))
            self.quote = quote
            decide(quote, route)
        }
    }

    private func facts(_ reader: FieldReader, at now: UnixTime) -> QuoteFacts {
        let readings = withForwardedTarget { target in
            reader.readHead(target: target, doubts: targetDoubts, eachLine: eachForwardedLine)
        }
        return QuoteFacts(method: methodName, now: now, readings: readings, isBodyRead: stream.head.body == .none)
    }

    /// Shows every field line that reaches the upstream.
    func eachForwardedLine(_ show: (FieldReader.Line) -> Void) {
        let head = stream.head
        head.withBytes { bytes in
            for field in head.fields where !head.isNominated(field) {
                show(
                    (
                        UnsafeRawBufferPointer(rebasing: bytes[field.name]),
                        UnsafeRawBufferPointer(rebasing: bytes[field.value])
                    ))
            }
        }
    }

    func decide(_ quote: RequestQuote, _ route: PaywallRoute) {
        switch quote.tariff.table.quote(for: quote.facts) {
        case .priced(let amount, let rule):
            quote.rule = rule.map { quote.tariff.table.rules[$0].name } ?? "default"
            admit(quote.tariff.sheets[amount], quote, route)
        case .needs(.body):
            readBody(of: quote, route)
        case .needs(.payer):
            // At first the price of a payer whom nobody knows; who it is comes after.
            quote.facts.paid = PayerVolume.none
            decide(quote, route)
        case .needs(.source):
            hold(quote)
            askSource(quote, route)
        case .refused(let refusal):
            hold(quote)
            unpriced(route, .unpriced(refusal))
        }
    }

    /// Answers a request whose price cannot be told.
    func unpriced(_ route: PaywallRoute, _ answer: Answer) {
        route.isShadow ? shadowUnpriced(on: route, as: answer) : self.answer(answer)
    }

    func admit(_ sheet: OfferSheet?, _ quote: RequestQuote, _ route: PaywallRoute) {
        hold(quote)
        let sheet = sheet.map(bound)
        if quote.facts.paid != nil { return admitPayer(sheet, quote, route) }
        guard let sheet else { return admitFree(route) }
        admit(route, sheet)
    }

    // MARK: Body

    private func readBody(of quote: RequestQuote, _ route: PaywallRoute) {
        if let refusal = quote.refusal { return unreadable(refusal, quote, route) }
        let refusal = BodyRefusal.judge(
            contentType: HeaderField.read("content-type", eachLine: eachForwardedLine),
            contentEncoding: HeaderField.read("content-encoding", eachLine: eachForwardedLine))
        if let refusal { return unreadable(refusal, quote, route) }
        quote.startReading()
        stream.acceptBody()
    }

    private func unreadable(_ refusal: BodyRefusal, _ quote: RequestQuote, _ route: PaywallRoute) {
        quote.refusal = refusal
        guard let dearest = quote.tariff.body?.dearest else {
            hold(quote)
            return unpriced(route, .unreadableBody(refusal))
        }
        quote.rule = "dearest"
        quote.stopScanning()
        admit(dearest, quote, route)
    }

    /// Lets nothing of the body go on before the request does.
    private func hold(_ quote: RequestQuote) {
        if quote.startHolding() { stream.pauseBody() }
    }

    /// Takes a piece of the body for the price; false where it must not go on, or not yet.
    func mayPass(_ bytes: ByteBuffer, _ quote: RequestQuote) -> Bool {
        switch quote.phase {
        case .head: return true
        case .reading:
            found(quote.received(bytes), quote)
            return false
        case .holding:
            if status == 0 { quote.hold(bytes) }
            return false
        case .passing:
            if quote.agrees(bytes) || route?.isShadow == true { return true }
            refuseBody(.unreadableBody(.notJSON), remark: "request body changed its price")
            return false
        }
    }

    /// Takes the end of the body for the price; false where it must not go on, or not yet.
    func mayEnd(trailers: ByteBuffer?, _ quote: RequestQuote) -> Bool {
        switch quote.phase {
        case .head: return true
        case .reading:
            found(quote.ended(trailers: trailers), quote)
            return false
        case .holding:
            quote.noteEnd(trailers: trailers)
            return false
        case .passing:
            if quote.agreesAtEnd() || route?.isShadow == true { return true }
            refuseBody(.unreadableBody(.notJSON), remark: "request body changed its price")
            return false
        }
    }

    private func found(_ outcome: RequestQuote.OnPiece, _ quote: RequestQuote) {
        guard let route else { return }
        switch outcome {
        case .more: return
        case .known: decide(quote, route)
        case .unreadable(let refusal): unreadable(refusal, quote, route)
        }
    }

    // MARK: Other moments

    /// The sheets of this request under another table than the one in force, or at another time.
    ///
    /// Where more is sold than the request, it is the sheet of that.
    func sheets(under route: PaywallRoute, at now: UnixTime) -> [OfferSheet] {
        let priced = priceSheets(under: route, at: now)
        return priced.isEmpty ? [] : route.credit?.sale.map { [$0] } ?? priced.map { lowered($0, on: route) }
    }

    private func priceSheets(under route: PaywallRoute, at now: UnixTime) -> [OfferSheet] {
        switch route.pricing {
        case .free: return []
        case .fixed(let sheet): return [sheet]
        case .table(let tariff):
            guard let facts = facts(under: tariff, at: now) else {
                return [tariff.body?.dearest].compactMap(\.self)
            }
            let sheets: [OfferSheet]
            switch tariff.table.quote(for: facts) {
            case .priced(let amount, _): sheets = [tariff.sheets[amount]].compactMap(\.self)
            case .needs(.source): sheets = quotedSheets(facts, tariff, route)
            case .needs, .refused: return []
            }
            // Offers were bound to the body where that table looked into it.
            var head = facts
            head.isBodyRead = stream.head.body == .none
            return tariff.table.quote(for: head) == .needs(.body) ? sheets.map(bound) : sheets
        }
    }

    /// What another table sees of this request; nil where it cannot look into the body.
    private func facts(under tariff: RouteTariff, at now: UnixTime) -> QuoteFacts? {
        var facts = facts(tariff.reader, at: now)
        facts.paid = quote?.facts.paid ?? PayerVolume.none
        if let quote, quote.tariff === tariff {
            facts.readings = quote.facts.readings
            facts.isBodyRead = quote.facts.isBodyRead
        }
        if let quote, quote.isBodyWhole, !facts.isBodyRead {
            var scanner = tariff.reader.bodyScanner()
            quote.body.withUnsafeReadableBytes { scanner.scan($0) }
            scanner.finish()
            guard scanner.failure == nil else { return nil }
            tariff.reader.place(scanner, into: &facts.readings)
            facts.isBodyRead = true
        }
        return facts
    }
}
