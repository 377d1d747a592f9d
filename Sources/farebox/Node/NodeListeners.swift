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
        do throws(TransportError) {
            if plan.servesPaywall {
                let server = plan.file.server
                let generation = PaywallGeneration(plan.file, origin: server.publicURL, registry: registry)
                var options = ListenerOptions()
                options.http2 = server.http2
                options.proxyProtocol = server.proxyProtocol
                let started = try await Paywall.start(
                    points: server.listen.map { ListenPoint(address: $0, options: options) }, group: group,
                    limits: server.limits, shared: shared,
                    generation: generation)
                paywall = started
                localOrigin = started.localAddresses.first.map(origin) ?? ""
                if plan.advertisesFreePort {
                    // Only now is it known which port it is.
                    await started.adopt(PaywallGeneration(plan.file, origin: localOrigin, registry: registry))
                }
                log(started.localAddresses, role: "paywall", logger)
            }
            var facilitator: FacilitatorListener?
            if let part = plan.file.facilitator {
                let opened = try await open(part, group: group, shared: shared, registry: registry, logger: logger)
                facilitator = opened
                log(opened.listener.localAddresses, role: "facilitator", logger)
            }
            return NodeListeners(paywall: paywall, facilitator: facilitator, localOrigin: localOrigin)
        } catch {
            await paywall?.drain(timeout: .zero)
            throw .transport(error)
        }
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

    private static func log(_ addresses: [SocketAddress], role: String, _ logger: Logger) {
        for address in addresses {
            logger.notice("listening", metadata: ["role": "\(role)", "address": "\(address.text)"])
        }
    }

    /// An origin that at least this machine can use.
    private static func origin(of address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return "http://localhost" }
        let name = host == "0.0.0.0" || host == "::" ? "localhost" : host.contains(":") ? "[\(host)]" : host
        return port == 80 ? "http://\(name)" : "http://\(name):\(port)"
    }
}

extension SocketAddress {
    /// `127.0.0.1:8402`, `[::1]:8402`, `unix:/path`.
    var text: String {
        guard let host = ipAddress, let port else { return "unix:" + (pathname ?? "") }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
