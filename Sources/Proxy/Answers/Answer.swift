import Facilitator
import Ledger
import Pricing
import Transport

/// An answer of our own that is not a 402.
enum Answer {
    case badTarget(TargetRefusal)
    case notFound
    case methodNotAllowed(allow: String)
    case conflictingPayments
    case gateway(UpstreamError)
    /// No server of the upstream is available, known before anything was taken for it.
    case upstreamDown(retryAfter: Int)
    case railUnavailable(RailError)
    case ledgerUnavailable(LedgerError)
    case refusedHead(HeadRefusal)
    /// The connection was made for other hosts (RFC 9110 §15.5.20).
    case misdirected
    /// Over a rate limit, or too much at once for one payer.
    case tooManyRequests(LimitOverrun)
    /// As much runs at once as may, and as many wait.
    case overloaded
    /// Readers of the request would not agree on its price.
    case unpriced(QuoteRefusal)
    /// Price rules cannot look into the body.
    case unreadableBody(BodyRefusal)
    /// Whoever knows the price cannot be asked.
    case priceUnavailable
    /// The route wants an id with each payment.
    case identifierRequired
    /// The id that came with the payment cannot be one.
    case identifierInvalid

    var status: Int {
        switch self {
        case .badTarget, .conflictingPayments, .unpriced, .identifierRequired, .identifierInvalid: 400
        case .unreadableBody(let refusal): refusal.status
        case .notFound: 404
        case .methodNotAllowed: 405
        case .gateway(.noServer), .upstreamDown: 503
        case .gateway(let error): error.isTimeout ? 504 : 502
        case .railUnavailable, .ledgerUnavailable, .overloaded, .priceUnavailable: 503
        case .tooManyRequests: 429
        case .refusedHead(let refusal): refusal.status
        case .misdirected: 421
        }
    }

    /// The machine's word for it.
    var code: StaticString {
        switch self {
        case .badTarget: "bad_target"
        case .notFound: "not_found"
        case .methodNotAllowed: "method_not_allowed"
        case .conflictingPayments: "conflicting_payments"
        case .gateway(let error): error.isTimeout ? "upstream_timeout" : "upstream_unavailable"
        case .upstreamDown: "upstream_unavailable"
        case .railUnavailable: "facilitator_unavailable"
        case .ledgerUnavailable: "ledger_unavailable"
        case .refusedHead: "bad_request"
        case .misdirected: "misdirected_request"
        case .tooManyRequests: "too_many_requests"
        case .overloaded: "overloaded"
        case .unpriced: "ambiguous_price"
        case .unreadableBody: "unreadable_body"
        case .priceUnavailable: "price_unavailable"
        case .identifierRequired: "payment_identifier_required"
        case .identifierInvalid: "invalid_payment_identifier"
        }
    }

    /// One sentence that says what to do; constant, nothing internal.
    var message: String {
        switch self {
        case .badTarget(let refusal): refusal.message.description
        case .notFound: "No route matches this host, method and path."
        case .methodNotAllowed: "The path is known, but not with this method; see Allow."
        case .conflictingPayments: "The request carries two different payments; send one. Nothing was charged."
        case .gateway(.noServer): "The upstream is not available at the moment; try again later."
        case .upstreamDown: "The upstream is not available at the moment. Nothing was charged; try again later."
        case .gateway(let error):
            error.isTimeout ? "The upstream did not answer in time." : "The upstream could not be reached."
        case .railUnavailable: "Payments cannot be checked at the moment. Nothing was charged; try again later."
        case .ledgerUnavailable: "Payments cannot be recorded at the moment; try again later."
        case .refusedHead(let refusal): "The request was refused: \(refusal.shortDescription)."
        case .misdirected: "This connection is not for that host; open one for it."
        case .tooManyRequests: "Too many requests; see Retry-After. A payment that came with this one was not used."
        case .overloaded: "Too many requests run at the moment. Nothing was charged; try again soon."
        case .unpriced(let refusal): refusal.message
        case .unreadableBody(let refusal): refusal.message.description
        case .priceUnavailable: "The price cannot be told at the moment. Nothing was charged; try again later."
        case .identifierRequired:
            "The payment needs an id of yours in extensions, payment-identifier. Nothing was charged."
        case .identifierInvalid:
            "An id has 16 to 128 letters, digits, hyphens and underscores. Nothing was charged."
        }
    }

    /// What the log says beyond the code; constant.
    var remark: StaticString? {
        switch self {
        case .badTarget(let refusal): refusal.message
        case .gateway(let error): error.remark
        case .tooManyRequests(let overrun): overrun.policy.remark
        case .overloaded: "the route is full"
        case .upstreamDown(let seconds): UpstreamError.noServer(retryAfter: seconds).remark
        case .unpriced(let refusal): refusal.doubt.message
        case .unreadableBody(let refusal): refusal.message
        case .priceUnavailable: "price unavailable"
        case .railUnavailable, .ledgerUnavailable, .notFound, .methodNotAllowed, .conflictingPayments, .refusedHead,
            .misdirected, .identifierRequired, .identifierInvalid:
            nil
        }
    }

    var retryAfterSeconds: Int? {
        switch self {
        case .railUnavailable, .ledgerUnavailable, .priceUnavailable: 5
        case .tooManyRequests(let overrun): overrun.retryAfterSeconds
        case .overloaded: 1
        case .gateway(.noServer(let seconds)), .upstreamDown(let seconds): seconds
        default: nil
        }
    }

    static func reasonPhrase(_ status: Int) -> StaticString {
        switch status {
        case 204: "No Content"
        case 400: "Bad Request"
        case 402: "Payment Required"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Unknown"
        }
    }
}

extension UpstreamError {
    var remark: StaticString {
        switch self {
        case .connectFailed: "upstream: connect failed"
        case .connectTimeout: "upstream: connect timeout"
        case .certificateRefused: "upstream: certificate not trusted"
        case .notHTTP2: "upstream: does not speak HTTP/2"
        case .notProcessed: "upstream: refused, unprocessed"
        case .noServer: "upstream: no server available"
        case .queueFull: "upstream: queue full"
        case .queueTimeout: "upstream: queue timeout"
        case .closedBeforeResponse: "upstream: closed before response"
        case .firstByteTimeout: "upstream: first byte timeout"
        case .idleTimeout: "upstream: idle timeout"
        case .brokenOff: "upstream: broken off"
        case .malformedResponse(let reason): reason
        case .headTooLarge: "upstream: response head too large"
        case .responseTooLarge: "upstream: response too large"
        case .poolClosed: "upstream: pool closed"
        }
    }
}
