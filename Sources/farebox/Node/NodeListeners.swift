import Facilitator
import Ledger
import Logging
import NIOCore
import NIOPosix
import Proxy
import RouteFile
import Transport

/// The listeners of a process, which share one ledger and one registry.
struct NodeListeners: Sendable {
    let paywall: Paywall?
    let facilitator: FacilitatorListener?
    /// The certificates of the paywall's listeners; nil where it speaks no TLS.
    let certificates: CertificateWatch?
    /// What 402s advertise where the file does not say.
    private let localOrigin: String

    /// The facilitator's API with the listener that it is served on.
    struct FacilitatorListener: Sendable {
        let api: FacilitatorAPI
        let service: FacilitatorService
        let listener: HTTPListener
    }

    /// Binds everything, or nothing stays bound.
    static func open(
        _ plan: NodePlan, group: MultiThreadedEventLoopGroup, shared: PaywallShared, registry: AdapterRegistry,
        logger: Logger
    ) async throws(NodeFailure) -> NodeListeners {
        var paywall: Paywall?
        var localOrigin = ""
        let certificates = plan.servesPaywall ? try CertificateWatch.open(plan, logger) : nil
        do throws(TransportError) {
            if plan.servesPaywall {
                let server = plan.file.server
                let generation = PaywallGeneration(plan.file, origin: server.publicURL, registry: registry)
                let started = try await Paywall.start(
                    points: points(server, certificates), group: group, limits: server.limits, shared: shared,
                    generation: generation)
                paywall = started
                localOrigin =
                    started.localAddresses.first.map { origin(of: $0, isSecure: certificates != nil) } ?? ""
                if plan.advertisesFreePort {
                    // Only now is it known which port it is.
                    await started.adopt(PaywallGeneration(plan.file, origin: localOrigin, registry: registry))
                }
                let secureCount = server.tls?.listen.count ?? 0
                log(started.localAddresses, role: "paywall", secure: secureCount, logger)
            }
            var facilitator: FacilitatorListener?
            if let part = plan.file.facilitator {
                let opened = try await open(part, group: group, shared: shared, registry: registry, logger: logger)
                facilitator = opened
                log(opened.listener.localAddresses, role: "facilitator", logger)
            }
            return NodeListeners(
                paywall: paywall, facilitator: facilitator, certificates: certificates, localOrigin: localOrigin)
        } catch {
            await paywall?.drain(timeout: .zero)
            throw .transport(error)
        }
    }

    /// The addresses that speak TLS come first: the first one of all is what 402s advertise where the file does not say.
    private static func points(_ server: ServerSettings, _ certificates: CertificateWatch?) -> [ListenPoint] {
        var plain = ListenerOptions()
        plain.http2 = server.http2
        plain.proxyProtocol = server.proxyProtocol
        var secure = plain
        secure.tls = certificates?.tls
        return (server.tls?.listen ?? []).map { ListenPoint(address: $0, options: secure) }
            + server.listen.map { ListenPoint(address: $0, options: plain) }
    }

    private static func open(
        _ part: FacilitatorSettings, group: MultiThreadedEventLoopGroup, shared: PaywallShared,
        registry: AdapterRegistry,
        logger: Logger
    ) async throws(TransportError) -> FacilitatorListener {
        let service = FacilitatorService(
            registry: registry, ledger: shared.ledger, payToAllowed: part.payToAllowed, now: PaywallShared.systemTime)
        let api = FacilitatorAPI(
            service: service, keys: part.keys, rateLimit: part.rateLimit, dailyBudget: part.dailyBudget,
            logger: logger)
        let listener = try await HTTPListener.bind(
            addresses: part.listen, group: group, limits: FacilitatorAPI.serverLimits
        ) { api.delegate(on: $0) }
        return FacilitatorListener(api: api, service: service, listener: listener)
    }

    /// Renders the 402s anew, under the same file.
    func renew(_ plan: NodePlan, registry: AdapterRegistry) async {
        guard let paywall else { return }
        let origin = plan.advertisesFreePort ? localOrigin : plan.file.server.publicURL
        await paywall.adopt(PaywallGeneration(plan.file, origin: origin, registry: registry))
    }

    /// Puts a new file in force on every listener.
    func adopt(_ plan: NodePlan, registry: AdapterRegistry) async {
        await renew(plan, registry: registry)
        if let facilitator, let part = plan.file.facilitator {
            facilitator.service.reload(registry: registry, payToAllowed: part.payToAllowed)
            facilitator.api.reload(keys: part.keys)
        }
    }

    /// Stops accepting everywhere at once and lets requests end.
    func drain(timeout: Duration) async {
        async let paywallDone: Void? = paywall?.drain(timeout: timeout)
        async let facilitatorDone: Void? = facilitator?.listener.drain(timeout: timeout)
        _ = await (paywallDone, facilitatorDone)
    }

    /// - Parameter secure: How many of the addresses, from the first, speak TLS.
    private static func log(_ addresses: [SocketAddress], role: String, secure: Int = 0, _ logger: Logger) {
        for (index, address) in addresses.enumerated() {
            logger.notice(
                "listening",
                metadata: [
                    "role": "\(role)", "address": "\(address.text)", "scheme": index < secure ? "https" : "http",
                ])
        }
    }

    /// An origin that at least this machine can use.
    private static func origin(of address: SocketAddress, isSecure: Bool) -> String {
        let scheme = isSecure ? "https" : "http"
        guard let host = address.ipAddress, let port = address.port else { return "\(scheme)://localhost" }
        let name = host == "0.0.0.0" || host == "::" ? "localhost" : host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? "\(scheme)://\(name)" : "\(scheme)://\(name):\(port)"
    }
}

extension SocketAddress {
    /// `127.0.0.1:8402`, `[::1]:8402`, `unix:/path`.
    var text: String {
        guard let host = ipAddress, let port else { return "unix:" + (pathname ?? "") }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
