import NIOCore
package import Pricing
package import Primitives
import Synchronization

/// What a price source said, by question: what holds now, what may still be paid, and what is being asked.
///
/// Safe from any thread; bounded by `maximumQuestions` and `maximumQuotes`.
package final class QuoteBook: Sendable {
    package typealias Reply = @Sendable (ToldPrice?) -> Void

    /// Questions that are remembered; one more lets go of the oldest.
    package static let maximumQuestions = 4096
    /// Prices of one question that may be paid at the same time.
    package static let maximumQuotes = 16

    /// The longest time for which an answer holds.
    private let lifetime: Int64
    /// How long a quote may be paid after it held for the last time.
    private let standing: Int64
    /// Questions that may be open at once.
    private let maxOpen: Int
    private let state = Mutex(State())

    private struct Quote {
        var told: ToldPrice
        var holdsUntil: UnixTime
        var standsUntil: UnixTime
    }

    private struct State {
        /// The newest last.
        var quotes: [Bytes32: [Quote]] = [:]
        /// The questions in the order in which they were first answered.
        var order = CircularBuffer<Bytes32>()
        var open: [Bytes32: [Reply]] = [:]
    }

    package init(lifetime: Int64, standing: Int64, maxOpen: Int) {
        self.lifetime = lifetime
        self.standing = standing
        self.maxOpen = maxOpen
    }

    package enum OnAsk {
        /// The price that holds.
        case holds(ToldPrice)
        /// Another asks this already; `reply` is called with what it hears.
        case joined
        /// The caller asks, and tells `answered` in any case; `reply` is called then.
        case ask
        /// As many questions are open as may be.
        case full
    }

    /// Looks a question up, or opens it.
    package func ask(_ question: Bytes32, now: UnixTime, reply: @escaping Reply) -> OnAsk {
        state.withLock { state in
            if let latest = state.quotes[question]?.last, now < latest.holdsUntil { return .holds(latest.told) }
            if state.open[question] != nil {
                state.open[question]?.append(reply)
                return .joined
            }
            if state.open.count >= maxOpen { return .full }
            state.open[question] = [reply]
            return .ask
        }
    }

    /// Ends a question with what the source said; nil where it failed.
    package func answered(_ question: Bytes32, _ told: ToldPrice?, now: UnixTime) {
        let replies = state.withLock { state in
            if let told { remember(told, of: question, now, &state) }
            return state.open.removeValue(forKey: question) ?? []
        }
        for reply in replies { reply(told) }
    }

    /// Every price of a question that may be paid now, the newest first.
    package func standingPrices(of question: Bytes32, now: UnixTime) -> [TablePrice] {
        state.withLock { state in
            (state.quotes[question] ?? []).reversed().filter { now <= $0.standsUntil }.map(\.told.price)
        }
    }

    /// Remembers a price that was asked although the source failed: it may be paid, and holds for nobody else.
    package func gave(_ price: TablePrice, for question: Bytes32, now: UnixTime) {
        state.withLock { remember(ToldPrice(price, seconds: 0), of: question, now, &$0) }
    }

    private func remember(_ told: ToldPrice, of question: Bytes32, _ now: UnixTime, _ state: inout State) {
        let holdsUntil = now.adding(seconds: min(told.seconds ?? lifetime, lifetime))
        let quote = Quote(told: told, holdsUntil: holdsUntil, standsUntil: holdsUntil.adding(seconds: standing))
        guard var quotes = state.quotes[question] else {
            if state.order.count >= Self.maximumQuestions, let oldest = state.order.popFirst() {
                state.quotes[oldest] = nil
            }
            state.order.append(question)
            state.quotes[question] = [quote]
            return
        }
        quotes.removeAll { $0.standsUntil < now || $0.told.price == told.price }
        if quotes.count >= Self.maximumQuotes { quotes.removeFirst() }
        quotes.append(quote)
        state.quotes[question] = quotes
    }
}
