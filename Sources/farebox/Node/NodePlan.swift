import Facilitator
import RouteFile
import Transport

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
        if file.maxTracked != next.file.maxTracked { keys.append("limits.max_tracked") }
        if file.ledger != next.file.ledger { keys.append("ledger.url") }
        return keys
    }

    /// What the paywall listens at.
    ///
    /// The addresses that speak TLS come first: the first one of all is what 402s advertise where the file does not say.
    func paywallPoints(_ tls: ServerTLS?) -> [ListenPoint] {
        var plain = ListenerOptions()
        plain.http2 = file.server.http2
        plain.proxyProtocol = file.server.proxyProtocol
        var secure = plain
        secure.tls = tls
        return (file.server.tls?.listen ?? []).map { ListenPoint(address: $0, options: secure) }
            + file.server.listen.map { ListenPoint(address: $0, options: plain) }
    }

    /// What the facilitator's API listens at; nothing where the file has none.
    var facilitatorPoints: [ListenPoint] { file.facilitator?.listen.map { ListenPoint(address: $0) } ?? [] }
}
