import NIOCore
import Pricing
import Transport

/// What a request is, decided from its head and the file in force alone.
enum Admission {
    case forward(PaywallRoute, ForwardedTarget, TargetDoubts)
    /// A true CORS preflight of a priced route; the methods to allow.
    case preflight(methods: String)
    /// An OPTIONS that may be passed on no further.
    case lastHop
    /// A question about the state of a payment.
    case paymentStatus(publicID: String)
    /// A question about what is sold.
    case discovery(DiscoveryKind, DiscoveryBook)
    case notFound
    case methodNotAllowed(allow: String)
    case refused(TargetRefusal)

    static func decide(_ head: RequestHead, generation: PaywallGeneration) -> Admission {
        head.withBytes { bytes in
            let method = UnsafeRawBufferPointer(rebasing: bytes[head.methodRange])
            let raw = UnsafeRawBufferPointer(rebasing: bytes[head.targetRange])
            let host = head.host.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
            switch generation.canonicaliser.canonicalise(method: method, target: raw, host: host) {
            case .refused(let refusal):
                return .refused(refusal)
            case .target(let target):
                // A TRACE would tell the client what we add for the upstream (RFC 9110 §9.3.8).
                if head.method == .trace { return .methodNotAllowed(allow: "GET, HEAD, POST, PUT, PATCH, DELETE") }
                if let publicID = PaymentStatusPath.publicID(target, raw: raw, method: head.method) {
                    return .paymentStatus(publicID: publicID)
                }
                if let book = generation.discovery, let kind = book.kind(of: target, raw: raw) {
                    return .discovery(kind, book)
                }
                return route(head, method: method, raw: raw, target: target, host: host, generation: generation)
            }
        }
    }

    private static func route(
        _ head: RequestHead, method: UnsafeRawBufferPointer, raw: UnsafeRawBufferPointer, target: CanonicalTarget,
        host: UnsafeRawBufferPointer?, generation: PaywallGeneration
    ) -> Admission {
        let match = generation.match(method: method, raw: raw, target: target, host: host)
        if head.method == .options, head.has(.origin), let asked = head.first(.accessControlRequestMethod) {
            // Fetch §CORS-preflight: the path is judged by the method that the page wants to use.
            let wanted = head.withBytes { bytes in
                generation.match(
                    method: UnsafeRawBufferPointer(rebasing: bytes[asked.value]), raw: raw, target: target, host: host)
            }
            if let route = preflightRoute(match, wanted, generation) {
                if route.isFree { return passed(head, to: route, target, raw: raw) }
                return .preflight(methods: head.string(asked.value) + ", GET, HEAD, POST, PUT, PATCH, DELETE")
            }
        }
        switch match {
        case .route(let index):
            return passed(head, to: generation.routes[index], target, raw: raw)
        case .methodNotAllowed(let allow):
            return .methodNotAllowed(allow: allow)
        case .refused(let refusal):
            return .refused(refusal)
        case .none:
            guard case .free(let route) = generation.unmatched else { return .notFound }
            return passed(head, to: route, target, raw: raw)
        }
    }

    private static func passed(
        _ head: RequestHead, to route: PaywallRoute, _ target: CanonicalTarget, raw: UnsafeRawBufferPointer
    ) -> Admission {
        head.maxForwards == 0 ? .lastHop : .forward(route, forwarded(target, raw: raw), target.doubts)
    }

    /// The route that answers for a preflight: a priced one if either method meets one, so that OPTIONS is no way around it.
    private static func preflightRoute(
        _ own: RouteMatch, _ wanted: RouteMatch, _ generation: PaywallGeneration
    ) -> PaywallRoute? {
        guard case .route(let wanted) = wanted else { return nil }
        guard case .route(let own) = own, generation.routes[wanted].isFree else { return generation.routes[wanted] }
        return generation.routes[own]
    }

    private static func forwarded(_ target: CanonicalTarget, raw: UnsafeRawBufferPointer) -> ForwardedTarget {
        switch target.form {
        case .asIs:
            target.originForm == 0..<raw.count ? .asReceived : .part(target.originForm)
        case .rewritten(let bytes):
            .rewritten(bytes)
        }
    }
}

/// The path under which a payment's state is told: `/.well-known/x402/payments/<id>`.
enum PaymentStatusPath {
    private static let prefix: StaticString = "/.well-known/x402/payments/"
    private static let idBytes = 32

    static func publicID(_ target: CanonicalTarget, raw: UnsafeRawBufferPointer, method: Method) -> String? {
        guard target.path.count == prefix.utf8CodeUnitCount + idBytes, method == .get || method == .head else {
            return nil
        }
        return target.withBytes(of: raw) { bytes in
            let path = bytes[target.path]
            for index in 0..<prefix.utf8CodeUnitCount where path[path.startIndex + index] != prefix.utf8Start[index] {
                return nil
            }
            let id = path.dropFirst(prefix.utf8CodeUnitCount)
            guard id.allSatisfy(isLowerHex) else { return nil }
            return String(decoding: id, as: UTF8.self)
        }
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
