package import Pricing
import Primitives

/// Who is asked for a price that no rule names, and what is remembered of its answers.
package final class PriceSource: Sendable {
    package enum Kind: Sendable {
        /// A service of the operator's.
        case service(any PriceTeller)
        /// The route's upstream, in a call of its own.
        case upstream(UpstreamQuote)
    }

    let kind: Kind
    /// The table's fields that it is told.
    let fields: [Int]
    /// The table's amount that is asked where it fails; nil where the request is refused.
    let fallback: Int?
    /// Whether "free" is no price that it may tell, as a least is given.
    let refusesFree: Bool
    let book: QuoteBook

    package init(_ kind: Kind, fields: [Int], fallback: Int?, refusesFree: Bool = false, book: QuoteBook) {
        self.kind = kind
        self.fields = fields
        self.fallback = fallback
        self.refusesFree = refusesFree
        self.book = book
    }

    /// The word for it in logs.
    var name: String {
        switch kind {
        case .service: "service"
        case .upstream: "upstream"
        }
    }
}

/// Tells prices over a network.
package protocol PriceTeller: Sendable {
    /// Asks once; nil where there is no answer, or none that can be read.
    func ask(_ question: PriceServiceMessage.Question) async -> ToldPrice?
}

/// What a source is asked about one request.
enum PriceQuestion: Sendable {
    case service(PriceServiceMessage.Question)
    /// The head of the call, without a host where the client named none.
    case upstream([UInt8])

    /// The same for requests that are asked about alike.
    var key: Bytes32 {
        switch self {
        case .service(let question): SHA256.hash(question.text)
        case .upstream(let head): SHA256.hash(head)
        }
    }
}
