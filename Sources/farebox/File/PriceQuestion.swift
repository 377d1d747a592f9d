import Foundation
import Pricing
import RouteFile

/// What one request would cost under a file.
struct PriceQuestion: Hashable {
    var method: String
    var host: String
    /// Path and query.
    var target: String

    /// What the file says to it.
    enum Answer {
        case route(RouteSettings)
        /// No route matches; forwarded without a payment to the upstream of this index.
        case unmatched(upstream: Int)
        case notFound
        case methodNotAllowed(allow: String)
        case refused(TargetRefusal)
    }

    /// Reads a path, or a URL with any scheme; a path is asked for at the public URL's host.
    init(method: String, url: String, publicURL: String) {
        self.method = method
        if url.hasPrefix("/") {
            // Routes do not look at ports, and an unset one reads `:0`.
            let authority = Self.split(publicURL).authority
            let port = authority.lastIndex { $0 == ":" || $0 == "]" }
            host = port.map { authority[$0] == ":" ? String(authority[..<$0]) : authority } ?? authority
            target = url
        } else {
            let parts = Self.split(url)
            host = parts.authority
            target = parts.rest
        }
    }

    func answer(_ file: RouteFile) -> Answer {
        var (method, host, target) = (method, host, target)
        return method.withUTF8 { method in
            host.withUTF8 { host in
                target.withUTF8 { target in
                    Self.answer(
                        file, method: UnsafeRawBufferPointer(method), host: UnsafeRawBufferPointer(host),
                        target: UnsafeRawBufferPointer(target))
                }
            }
        }
    }

    private static func answer(
        _ file: RouteFile, method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer,
        target: UnsafeRawBufferPointer
    ) -> Answer {
        switch file.canonicaliser.canonicalise(method: method, target: target, host: host) {
        case .refused(let refusal): return .refused(refusal)
        case .target(let canonical):
            switch file.table.match(method: method, canonical: canonical, target: target, host: host) {
            case .route(let index): return .route(file.routes[index])
            case .methodNotAllowed(let allow): return .methodNotAllowed(allow: allow)
            case .refused(let refusal): return .refused(refusal)
            case .none:
                guard case .free(let upstream) = file.server.unmatched else { return .notFound }
                return .unmatched(upstream: upstream)
            }
        }
    }

    private static func split(_ url: String) -> (authority: String, rest: String) {
        var text = Substring(url)
        if let scheme = text.range(of: "://") { text = text[scheme.upperBound...] }
        let authority = text.prefix { $0 != "/" && $0 != "?" }
        let rest = text[authority.endIndex...]
        return (String(authority), rest.hasPrefix("/") ? String(rest) : "/" + rest)
    }
}
