import Facilitator
import NIOCore
import Proxy
import Transport
import X402

extension FileReader {
    /// `[server]`.
    func server(_ section: Section, _ upstreams: [UpstreamDraft]) -> ServerSettings? {
        let tls = section.section("tls", table: "server.tls")
        let settings = tls.flatMap { self.tls($0) }
        let listen = tls != nil && !section.has("listen") ? [] : listenAddresses(section)
        let http2 = section.read("http2", ValueKind.bool)
        let publicURL = section.read("public_url", ValueKind.origin)
        let unmatched = unmatched(section, upstreams)
        let trust = proxyTrust(section)
        let proxyProtocol = proxyProtocol(section)
        let limits = limits(section, trust?.peers, tls)
        let drainTimeout = section.read("drain_timeout", ValueKind.duration)
        let drainDelay = section.read("drain_delay", ValueKind.duration)
        let hasAccessLog = section.read("access_log", ValueKind.bool)
        let discovery = section.read("discovery", ValueKind.bool)
        let http2Limits = http2Limits(section)
        guard let listen, let http2, let unmatched, let trust, let proxyProtocol,
            var limits, let drainTimeout, let hasAccessLog, let discovery, let http2Limits
        else { return nil }
        limits.http2 = http2Limits
        if section.has("public_url"), publicURL == nil { return nil }
        if tls != nil, settings == nil { return nil }
        let origin = settings.map { Self.origin(of: $0.listen, "https", 443) } ?? Self.origin(of: listen, "http", 80)
        let all = listen + (settings?.listen ?? [])
        advise(on: publicURL, section, all: all, origin: origin, speaksPlain: !listen.isEmpty)
        if let tls, settings?.listen.contains(where: { listen.contains($0) && !$0.hasFreePort }) == true {
            log.add(tls.place(of: "listen"), "is an address of `server.listen` too, where TLS is not spoken")
        }
        return ServerSettings(
            listen: listen, tls: settings, http2: http2.value, publicURL: publicURL?.value ?? origin,
            hasPublicURL: publicURL != nil, unmatched: unmatched,
            trust: trust, proxyProtocol: proxyProtocol, limits: limits,
            drainTimeout: drainTimeout.value, drainDelay: drainDelay?.value ?? .zero, hasAccessLog: hasAccessLog.value,
            tellsWhatIsSold: discovery.value)
    }

    /// The addresses of `listen`, at least one, each once.
    func listenAddresses(_ section: Section) -> [ListenAddress]? {
        guard let addresses = section.list("listen", ValueKind.listenAddress) else { return nil }
        if addresses.isEmpty {
            if !log.hasMistake(under: section.place(of: "listen")) { log.add(section.place(of: "listen"), "is empty") }
            return nil
        }
        for (index, address) in addresses.enumerated() {
            let isTaken = addresses[..<index].contains { $0.value == address.value && !$0.value.hasFreePort }
            if isTaken { log.add(address.place, "is there twice") }
        }
        return addresses.map(\.value)
    }

    /// Warns of an origin in 402s that payers cannot use.
    private func advise(
        on publicURL: Located<String>?, _ section: Section, all listen: [ListenAddress], origin: String,
        speaksPlain: Bool
    ) {
        guard let publicURL else {
            guard listen.contains(where: { !$0.isLoopback }) else { return }
            return log.warn(
                section.place(of: "public_url"),
                "is not set: 402s advertise \(origin), which payers elsewhere cannot reach")
        }
        if publicURL.value.hasPrefix("http:"), !speaksPlain {
            log.warn(publicURL.place, "is not https, while every listener speaks TLS")
        }
    }

    private static func origin(of listen: [ListenAddress], _ scheme: String, _ standardPort: Int) -> String {
        guard case .host(let host, let port)? = listen.first else { return "\(scheme)://localhost" }
        let isAny = host == "0.0.0.0" || host == "::"
        let name = isAny ? "localhost" : host.contains(":") ? "[\(host)]" : host
        return port == standardPort ? "\(scheme)://\(name)" : "\(scheme)://\(name):\(port)"
    }

    private func unmatched(_ section: Section, _ upstreams: [UpstreamDraft]) -> UnmatchedSettings? {
        let isFree = section.read("unmatched", ValueKind.word([("deny", false), ("free", true)]))
        let upstream = section.read("unmatched_upstream", Self.upstream(upstreams))
        guard let isFree else { return nil }
        if isFree.value {
            if !section.has("unmatched_upstream") {
                log.add(section.place(of: "unmatched"), "\"free\" needs `unmatched_upstream`")
            }
            return upstream.map { .free(upstream: $0.value) }
        }
        section.refuse(["unmatched_upstream"], "has no meaning unless `unmatched` is \"free\"")
        return .deny
    }

    private func limits(_ section: Section, _ trusted: TrustedPeers?, _ tls: Section?) -> ServerLimits? {
        let handshake = (tls ?? Section(absent: "server.tls", log: log)).read("handshake_timeout", ValueKind.duration)
        let head = section.read("max_head_bytes", ValueKind.size)
        let target = section.read("max_target_bytes", ValueKind.size)
        let fields = section.read("max_fields", ValueKind.integer(1...1000))
        let body = section.read("max_body_bytes", ValueKind.size)
        let connections = section.read("max_connections", ValueKind.integer(1...10_000_000))
        let header = section.read("header_timeout", ValueKind.duration)
        let idle = section.read("idle_timeout", ValueKind.duration)
        let bodyIdle = section.read("body_idle_timeout", ValueKind.duration)
        let write = section.read("write_timeout", ValueKind.duration)
        let tunnelIdle = section.read("upgrade_idle_timeout", ValueKind.duration)
        if let head, head.value > 1 << 20 { log.add(head.place, "is more than 1MiB") }
        if let head, let target, target.value > head.value { log.add(target.place, "is more than `max_head_bytes`") }
        guard let head, let target, let fields, let connections, let header, let idle, let bodyIdle, let write,
            let tunnelIdle, let handshake
        else { return nil }
        var limits = ServerLimits()
        limits.handshakeTimeout = TimeAmount(handshake.value)
        limits.head = HeadLimits(maxHeadBytes: head.value, maxTargetBytes: target.value, maxFields: fields.value)
        limits.maxBodyBytes = body.map { UInt64($0.value) }
        limits.maxConnections = connections.value
        limits.headerTimeout = TimeAmount(header.value)
        limits.idleTimeout = TimeAmount(idle.value)
        limits.bodyIdleTimeout = TimeAmount(bodyIdle.value)
        limits.tunnelIdleTimeout = TimeAmount(tunnelIdle.value)
        limits.writeTimeout = TimeAmount(write.value)
        limits.maxConnectionsPerClient =
            section.read("max_connections_per_client", ValueKind.integer(1...10_000_000))?.value
        // Nothing else of the listener asks who is trusted, so that a reload may change it.
        if section.has("proxy_protocol") || section.has("max_connections_per_client") {
            limits.trustedPeers = trusted ?? TrustedPeers()
        }
        return limits
    }

    /// `[facilitator]`; its default recipients are those of the file.
    func facilitator(
        _ section: Section, payees: Set<Account>, server: ServerSettings?, spendsGas: Bool
    ) -> FacilitatorSettings? {
        let listen = listenAddresses(section)
        let keys = apiKeys(section)
        let allowed = section.has("pay_to_allowed") ? section.list("pay_to_allowed", ValueKind.account) : nil
        let isOpen = section.read("open", ValueKind.bool)
        let perMinute = section.read("settle_per_minute", ValueKind.integer(1...10_000_000))
        let burst = section.read("settle_burst", ValueKind.integer(1...1_000_000))
        let daily = section.read("settle_per_day", ValueKind.integer(1...1_000_000_000))
        guard let listen, let isOpen, let perMinute, let burst else { return nil }
        let taken = server.map { $0.listen + ($0.tls?.listen ?? []) } ?? []
        if listen.contains(where: { taken.contains($0) && !$0.hasFreePort }) {
            log.add(section.place(of: "listen"), "is an address of [server] too")
        }
        if !isOpen.value, !section.has("api_keys_env") {
            let warning = FacilitatorAPI.exposureWarning(
                addresses: listen, hasKeys: false, isPayToLimited: allowed != nil || !payees.isEmpty)
            if warning != nil, spendsGas {
                log.add(
                    section.place(of: "listen"),
                    "is open to the world while an adapter pays for gas: set `api_keys_env`, listen on 127.0.0.1, or say "
                        + "`open = true`")
            } else if let warning {
                log.warn(section.place(of: "listen"), warning)
            }
        }
        return FacilitatorSettings(
            listen: listen, keys: keys,
            payToAllowed: allowed.map { Set($0.map(\.value)) } ?? (payees.isEmpty ? nil : payees),
            isOpen: isOpen.value,
            rateLimit: RateLimiter.Policy(perMinute: perMinute.value, burst: burst.value), dailyBudget: daily?.value)
    }

    private func apiKeys(_ section: Section) -> APIKeys? {
        guard let secret = secret(section, "api_keys_env") else { return nil }
        do {
            return try APIKeys(secret)
        } catch {
            log.add(section.place(of: "api_keys_env"), "the variable's value is not usable: \(error.rawValue)")
            return nil
        }
    }

    /// `[ledger]`.
    func ledger(_ section: Section) -> LedgerSettings? {
        section.read("url") { node in
            guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
            if text == "memory:" { return .value(LedgerSettings.memory) }
            if text.hasPrefix("sqlite:"), text.utf8.count > 7, !text.hasPrefix("sqlite://") {
                return .value(.sqlite(path: String(text.dropFirst(7))))
            }
            // What such a URL holds may be a password: it is not repeated.
            if text.hasPrefix("postgres:") || text.hasPrefix("postgresql:") {
                return .mistake("PostgreSQL is not available in this version")
            }
            return .mistake("is not \"sqlite:PATH\" or \"memory:\"")
        }?.value
    }
}

extension ListenAddress {
    /// Port 0 is another port each time.
    fileprivate var hasFreePort: Bool {
        guard case .host(_, let port) = self else { return false }
        return port == 0
    }

    /// Whether only this machine reaches it.
    fileprivate var isLoopback: Bool {
        switch self {
        case .unix: true
        case .passed: false
        case .host(let host, _): host == "::1" || host == "localhost" || host.hasPrefix("127.")
        }
    }
}
