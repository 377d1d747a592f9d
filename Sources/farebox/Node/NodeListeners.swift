import Facilitator
import Ledger
import Logging
import NIOCore
import Proxy
import RouteFile
import Synchronization
import Transport

/// The listeners of a process, which share one ledger and one registry.
final class NodeListeners: Sendable {
    let paywall: Paywall?
    /// Stays when a file leaves it out, without an address.
    private let facilitator: Mutex<FacilitatorListener?>
    /// The certificates of the paywall's addresses; nil as long as no file asked for TLS.
    private let certificates: Mutex<CertificateWatch?>
    private let surroundings: Surroundings

    /// What listeners are opened in.
    struct Surroundings: Sendable {
        let group: any EventLoopGroup
        let inherited: InheritedSockets
        let shared: PaywallShared
        /// For what routes ask of others.
        let client: OutgoingClient
        let logger: Logger
    }

    /// The facilitator's API with the listener that it is served on.
    struct FacilitatorListener: Sendable {
        let api: FacilitatorAPI
        let service: FacilitatorService
        let listener: HTTPListener
    }

    private init(
        paywall: Paywall?, facilitator: FacilitatorListener?, certificates: CertificateWatch?,
        surroundings: Surroundings
    ) {
        self.paywall = paywall
        self.facilitator = Mutex(facilitator)
        self.certificates = Mutex(certificates)
        self.surroundings = surroundings
    }

    /// Binds everything, or nothing stays bound.
    static func open(
        _ plan: NodePlan, registry: AdapterRegistry, in surroundings: Surroundings
    ) async throws(NodeFailure) -> NodeListeners {
        var paywall: Paywall?
        let certificates = plan.servesPaywall ? try CertificateWatch.open(plan, surroundings.logger) : nil
        do throws(TransportError) {
            if plan.servesPaywall {
                let server = plan.file.server
                let generation = PaywallGeneration(
                    plan, origin: server.publicURL, registry: registry, client: surroundings.client)
                let started = try await Paywall.start(
                    points: plan.paywallPoints(certificates?.tls), group: surroundings.group, limits: server.limits,
                    inherited: surroundings.inherited, shared: surroundings.shared, generation: generation)
                paywall = started
                log(started.listener.addresses, role: "paywall", surroundings.logger)
            }
            var facilitator: FacilitatorListener?
            if let part = plan.file.facilitator {
                let opened = try await open(part, plan, registry: registry, in: surroundings)
                facilitator = opened
                log(opened.listener.addresses, role: "facilitator", surroundings.logger)
            }
            let listeners = NodeListeners(
                paywall: paywall, facilitator: facilitator, certificates: certificates, surroundings: surroundings)
            // Only now is it known which port a free one is.
            if plan.advertisesFreePort { await listeners.renew(plan, registry: registry) }
            return listeners
        } catch {
            await paywall?.drain(timeout: .zero)
            throw .transport(error)
        }
    }

    private static func open(
        _ part: FacilitatorSettings, _ plan: NodePlan, registry: AdapterRegistry, in surroundings: Surroundings
    ) async throws(TransportError) -> FacilitatorListener {
        let service = FacilitatorService(
            registry: registry, ledger: surroundings.shared.ledger, payToAllowed: part.payToAllowed,
            now: PaywallShared.systemTime)
        let api = FacilitatorAPI(
            service: service, keys: part.keys, rateLimit: part.rateLimit, dailyBudget: part.dailyBudget,
            trust: plan.file.server.trust, logger: surroundings.logger)
        let listener = try await HTTPListener.bind(
            points: plan.facilitatorPoints, group: surroundings.group, limits: FacilitatorAPI.serverLimits,
            inherited: surroundings.inherited
        ) { api.delegate(on: $0) }
        return FacilitatorListener(api: api, service: service, listener: listener)
    }

    /// Renders the 402s anew, under the same file.
    func renew(_ plan: NodePlan, registry: AdapterRegistry) async {
        guard let paywall else { return }
        let local = paywall.listener.addresses.first.map(Self.origin) ?? ""
        let origin = plan.advertisesFreePort ? local : plan.file.server.publicURL
        await paywall.adopt(PaywallGeneration(plan, origin: origin, registry: registry, client: surroundings.client))
    }

    // MARK: A new file

    /// A file whose addresses are bound and which is not in force yet.
    struct Change: Sendable {
        fileprivate var paywall: HTTPListener.Change?
        fileprivate var facilitator: HTTPListener.Change?
        fileprivate var opened: FacilitatorListener?
        fileprivate var certificates: CertificateWatch?
        /// What `certificates` is to take, where it was in force before.
        fileprivate var renewal: CertificateWatch.Change?
    }

    /// Binds what a new file adds, and nothing where anything cannot be bound.
    ///
    /// Nothing else changes before `adopt`.
    func prepare(_ plan: NodePlan, registry: AdapterRegistry) async throws(NodeFailure) -> Change {
        var change = Change()
        if paywall != nil {
            // Bad certificates refuse the file.
            if let known = certificates.withLock({ $0 }) {
                change.renewal = try known.prepare(plan)
                change.certificates = known
            } else {
                change.certificates = try CertificateWatch.open(plan, surroundings.logger)
            }
        }
        do throws(TransportError) {
            change.paywall = try await paywall?.listener.prepare(
                plan.paywallPoints(change.certificates?.tls), limits: plan.file.server.limits)
            if let known = facilitator.withLock({ $0 }) {
                change.facilitator = try await known.listener.prepare(
                    plan.facilitatorPoints, limits: FacilitatorAPI.serverLimits)
            } else if let part = plan.file.facilitator {
                change.opened = try await Self.open(part, plan, registry: registry, in: surroundings)
            }
            return change
        } catch {
            if let prepared = change.paywall { await paywall?.listener.abandon(prepared) }
            throw .transport(error)
        }
    }

    /// Puts a prepared file in force on every listener.
    func adopt(_ change: Change, _ plan: NodePlan, registry: AdapterRegistry) async {
        let timeout = plan.file.server.drainTimeout
        certificates.withLock { $0 = change.certificates }
        if let renewal = change.renewal { change.certificates?.commit(renewal) }
        await renew(plan, registry: registry)
        if let paywall, let prepared = change.paywall {
            await paywall.listener.commit(prepared, drainTimeout: timeout)
            tell(prepared, role: "paywall")
            if plan.advertisesFreePort { await renew(plan, registry: registry) }
        }
        if let opened = change.opened {
            facilitator.withLock { $0 = opened }
            Self.log(opened.listener.addresses, role: "facilitator", surroundings.logger)
        } else if let known = facilitator.withLock({ $0 }), let prepared = change.facilitator {
            if let part = plan.file.facilitator {
                known.service.reload(registry: registry, payToAllowed: part.payToAllowed)
                known.api.reload(
                    keys: part.keys, rateLimit: part.rateLimit, dailyBudget: part.dailyBudget,
                    trust: plan.file.server.trust)
            }
            await known.listener.commit(prepared, drainTimeout: timeout)
            tell(prepared, role: "facilitator")
        }
    }

    // MARK: The end

    /// Stops accepting everywhere at once and lets requests end.
    func drain(timeout: Duration, keepsSockets: Bool) async {
        let known = facilitator.withLock { $0 }
        async let paywallDone: Void? = paywall?.drain(timeout: timeout, keepsSockets: keepsSockets)
        async let facilitatorDone: Void? = known?.listener.drain(timeout: timeout, keepsSockets: keepsSockets)
        _ = await (paywallDone, facilitatorDone)
    }

    /// Closes every connection in the middle of what it does.
    func breakOff() {
        paywall?.listener.breakOff()
        facilitator.withLock { $0 }?.listener.breakOff()
    }

    /// The sockets of all listeners, for a program that replaces this one.
    var sockets: [(address: ListenAddress, sockets: [ListeningSocket])] {
        (paywall?.listener.sockets ?? []) + (facilitator.withLock { $0 }?.listener.sockets ?? [])
    }

    /// Takes certificates over when their files change, until the task is cancelled.
    func watchCertificates() async {
        while (try? await Task.sleep(for: CertificateWatch.interval)) != nil { certificates.withLock { $0 }?.look() }
    }

    // MARK: The log

    private func tell(_ change: HTTPListener.Change, role: String) {
        Self.log(change.newAddresses, role: role, surroundings.logger)
        for bound in change.oldAddresses {
            surroundings.logger.notice(
                "no longer listening", metadata: ["role": "\(role)", "address": "\(bound.address.text)"])
        }
    }

    private static func log(_ addresses: [BoundAddress], role: String, _ logger: Logger) {
        for bound in addresses {
            logger.notice(
                "listening",
                metadata: [
                    "role": "\(role)", "address": "\(bound.address.text)", "scheme": bound.isSecure ? "https" : "http",
                ])
        }
    }

    /// An origin that at least this machine can use.
    private static func origin(of bound: BoundAddress) -> String {
        let scheme = bound.isSecure ? "https" : "http"
        guard let host = bound.address.ipAddress, let port = bound.address.port else { return "\(scheme)://localhost" }
        let name = host == "0.0.0.0" || host == "::" ? "localhost" : host.contains(":") ? "[\(host)]" : host
        return port == (bound.isSecure ? 443 : 80) ? "\(scheme)://\(name)" : "\(scheme)://\(name):\(port)"
    }
}

extension SocketAddress {
    /// `127.0.0.1:8402`, `[::1]:8402`, `unix:/path`.
    var text: String {
        guard let host = ipAddress, let port else { return "unix:" + (pathname ?? "") }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
