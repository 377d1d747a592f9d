import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// What a request may be charged at most, by its own bounds (`maximum = "request"`).
extension Exchange {
    /// Waits for the body where it says what the answer may cost at most; false where nothing is waited for.
    func waitsForBounds(_ route: PaywallRoute, _ ceiling: OfferSheet) -> Bool {
        guard let meter = route.meter?.meter, meter.isBoundedByRequest, let bounds = meter.bounds else { return false }
        if let quote, quote.phase != .head {
            // A body that is too long for the price rules is not looked at here either.
            guard quote.isBodyWhole else { return false }
            var reader = bounds.reader()
            quote.body.withUnsafeReadableBytes { reader.scan($0) }
            outputBounds = reader.finish()
            return false
        }
        switch stream.head.body {
        case .none: return false
        case .length(let length) where length > UInt64(AnswerMeter.maximumRequestBytes): return false
        case .length, .chunked, .untilClose: break
        }
        boundedBody = BoundedBody(bounds, ceiling: ceiling)
        stream.acceptBody()
        return true
    }

    /// Takes a piece of the body that is held.
    func holdForMaximum(_ bytes: ByteBuffer) {
        // Nobody is waiting for what comes behind an answer of ours.
        guard status == 0, boundedBody?.received(bytes) == false else { return }
        stream.pauseBody()
        if let route, let ceiling = boundedBody?.ceiling { admitAsked(route, ceiling) }
    }

    /// Takes the end of the body that is held.
    func endForMaximum(trailers: ByteBuffer?) {
        guard let bounds = boundedBody?.ended(trailers: trailers), status == 0 else { return }
        outputBounds = bounds
        if let route, let ceiling = boundedBody?.ceiling { admitAsked(route, lowered(ceiling, on: route)) }
    }

    /// What was held back of the body before the request was let in, once; nil where nothing was.
    func takeHeldBody() -> (bytes: ByteBuffer, trailers: ByteBuffer?)? { quote?.takeBody() ?? boundedBody?.take() }

    /// The sheet with no more asked than the request can cost.
    func lowered(_ sheet: OfferSheet, on route: PaywallRoute) -> OfferSheet {
        guard let bounds = outputBounds, let meter = route.meter, meter.meter.isBoundedByRequest else { return sheet }
        return sheet.lowered { offer -> (amount: UInt256, asset: PricedAsset)? in
            guard let tariff = meter.tariff(of: offer), let most = meter.meter.most(bounds, at: tariff.tariff) else {
                return nil
            }
            return (most, tariff.asset)
        }
    }
}
