/// Why a message was refused; its connection is never used again.
package enum HeadRefusal: Error, Sendable, Equatable {
    /// The bytes break the grammar of RFC 9112; the reason is constant.
    case malformed(StaticString)
    /// The end of the message could be read in two ways; the reason is constant.
    case ambiguousFraming(StaticString)
    case headTooLarge
    case tooManyFields
    case targetTooLong
    case versionNotSupported
    /// A transfer coding other than `chunked`.
    case notImplemented
    /// The body is longer than the listener allows.
    case bodyTooLarge
    /// The head did not arrive in time.
    case headTimeout

    /// The status of the answer to a request refused for this.
    package var status: Int {
        switch self {
        case .malformed, .ambiguousFraming: 400
        case .headTooLarge, .tooManyFields: 431
        case .targetTooLong: 414
        case .versionNotSupported: 505
        case .notImplemented: 501
        case .bodyTooLarge: 413
        case .headTimeout: 408
        }
    }

    /// A short constant text for logs and metrics.
    package var shortDescription: String { String(describing: reason) }

    /// The reason as a constant.
    package var reason: StaticString {
        switch self {
        case .malformed(let reason), .ambiguousFraming(let reason): reason
        case .headTooLarge: "head too large"
        case .tooManyFields: "too many fields"
        case .targetTooLong: "target too long"
        case .versionNotSupported: "version not supported"
        case .notImplemented: "transfer coding not implemented"
        case .bodyTooLarge: "body too large"
        case .headTimeout: "head not complete in time"
        }
    }

    package static func == (left: HeadRefusal, right: HeadRefusal) -> Bool {
        left.status == right.status && left.shortDescription == right.shortDescription
    }
}
