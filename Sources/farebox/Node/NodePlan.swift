import Facilitator
import RouteFile

/// What a process runs: a file, and which part of it.
struct NodePlan: Sendable {
    var file: RouteFile
    /// False for a facilitator alone.
    var servesPaywall = true
    /// The command line's word; without one, the file's.
    var accessLogOverride: Bool?

    var hasAccessLog: Bool { accessLogOverride ?? file.server.hasAccessLog }

    /// Why there is nothing to serve, nil where there is.
    ///
    /// A file that was cut off or is being written reads as one without routes; it must not replace a good one.
    var servesNothing: String? {
        if servesPaywall { return file.routes.isEmpty && file.server.unmatched == .deny ? "has no routes" : nil }
        return file.facilitator == nil ? "has no [facilitator]" : nil
    }

    /// Whether 402s are to advertise an address whose port is not known before it is bound.
    ///
    /// Port 0 is no port of a URL; it only stands there when the file names no `public_url`.
    var advertisesFreePort: Bool { file.server.publicURL.hasSuffix(":0") }

    /// What must be said of a listener that anybody can reach; where `open` is not set, the file's warnings say it.
    var exposure: String? {
        guard let facilitator = file.facilitator, facilitator.isOpen else { return nil }
        return FacilitatorAPI.exposureWarning(
            addresses: facilitator.listen, hasKeys: facilitator.keys != nil,
            isPayToLimited: facilitator.payToAllowed != nil)
    }

    /// The keys whose change a running process cannot take over.
    func restartNeeded(for next: NodePlan) -> [String] {
        var keys: [String] = []
        if servesPaywall {
            if file.server.listen != next.file.server.listen { keys.append("server.listen") }
            if file.server.proxyProtocol != next.file.server.proxyProtocol { keys.append("server.proxy_protocol") }
            if hasAccessLog != next.hasAccessLog { keys.append("server.access_log") }
            if file.server.http2 != next.file.server.http2 { keys.append("server.http2") }
            // The limits have no equality of their own; their mirrors tell them apart.
            if "\(file.server.limits)" != "\(next.file.server.limits)" { keys.append("limits in [server]") }
        }
        if file.maxTracked != next.file.maxTracked { keys.append("limits.max_tracked") }
        if file.server.drainTimeout != next.file.server.drainTimeout { keys.append("server.drain_timeout") }
        if file.facilitator?.listen != next.file.facilitator?.listen { keys.append("facilitator.listen") }
        if file.facilitator?.rateLimit != next.file.facilitator?.rateLimit {
            keys.append("facilitator.settle_per_minute")
        }
        if file.facilitator?.dailyBudget != next.file.facilitator?.dailyBudget {
            keys.append("facilitator.settle_per_day")
        }
        if file.ledger != next.file.ledger { keys.append("ledger.url") }
        return keys
    }
}
