import NIOCore
import Transport

/// An upstream as far as it could be read; its name stands even when the rest is wrong.
struct UpstreamDraft {
    var name: String
    var settings: UpstreamSettings?
}

extension FileReader {
    /// `[[upstreams]]`, in the order of the file.
    func upstreams(_ sections: [Section]) -> [UpstreamDraft] {
        var drafts: [UpstreamDraft] = []
        var places: [String: Place] = [:]
        for section in sections {
            guard let name = section.require("name", ValueKind.name) else {
                _ = upstream(section, name: "")
                continue
            }
            if let other = places[name.value] {
                log.add(name.place, "there is another upstream \"\(name.value)\" in line \(other.line)")
            }
            places[name.value] = name.place
            drafts.append(UpstreamDraft(name: name.value, settings: upstream(section, name: name.value)))
        }
        return drafts
    }

    /// The index of an upstream by its name.
    static func upstream(_ drafts: [UpstreamDraft]) -> (DocumentNode) -> Reading<Int> {
        { node in
            guard case .string(let name) = node.value else {
                return .mistake("must be an upstream's name, not \(node.kind)")
            }
            if let index = drafts.firstIndex(where: { $0.name == name }) { return .value(index) }
            return .mistake("unknown upstream \"\(name)\"", suggestion: NearestName.of(name, among: drafts.map(\.name)))
        }
    }

    private func upstream(_ section: Section, name: String) -> UpstreamSettings? {
        let connectTimeout = section.read("connect_timeout", ValueKind.duration)
        let firstByteTimeout = section.read("first_byte_timeout", ValueKind.duration)
        let idleTimeout = section.read("idle_timeout", ValueKind.duration)
        let keepAliveTimeout = section.read("keep_alive_timeout", ValueKind.duration)
        let queueTimeout = section.read("queue_timeout", ValueKind.duration)
        let maxConnections = section.read("max_connections", ValueKind.integer(1...100_000))
        let maxQueued = section.read("max_queued", ValueKind.integer(0...1_000_000))
        let keeps = section.read("encoded_slash", ValueKind.word([("refuse", false), ("keep", true)]))
        let maxResponse = section.read("max_response_bytes", ValueKind.size)
        let rewrites = section.read("rewrite_location", ValueKind.bool)
        let forwarded = section.read(
            "forwarded", ValueKind.word(ForwardedForm.allCases.map { ($0.rawValue, $0) }))
        let spread = spread(section)
        let servers = servers(section)
        let tls = tls(section, isSecure: servers?.first?.isSecure == true)
        let spoken = section.read("protocol", ValueKind.word(UpstreamProtocol.allCases.map { ($0.rawValue, $0) }))
        let http2 = upstreamHTTP2Limits(section, isSpoken: spoken?.value != .http1)
        guard let servers, let spread, let tls, let spoken, let http2, let forwarded, let connectTimeout,
            let firstByteTimeout,
            let idleTimeout,
            let keepAliveTimeout, let queueTimeout, let maxConnections, let maxQueued, let keeps, let rewrites
        else { return nil }
        var configuration = UpstreamConfiguration(name: name, address: servers[0].address)
        configuration.connectTimeout = TimeAmount(connectTimeout.value)
        configuration.firstByteTimeout = TimeAmount(firstByteTimeout.value)
        configuration.bodyIdleTimeout = TimeAmount(idleTimeout.value)
        configuration.keepAliveTimeout = TimeAmount(keepAliveTimeout.value)
        configuration.queueTimeout = TimeAmount(queueTimeout.value)
        configuration.maxConnections = maxConnections.value
        configuration.maxQueued = maxQueued.value
        configuration.forwarded = forwarded.value
        configuration.maxResponseBytes = maxResponse.map { UInt64($0.value) }
        configuration.tls = tls.made
        configuration.protocol = spoken.value
        configuration.http2 = http2
        let members = servers.map { server in
            var member = configuration
            member.address = server.address
            return UpstreamGroupConfiguration.Member(member, weight: server.weight, isBackup: server.isBackup)
        }
        var group = UpstreamGroupConfiguration(name: name, members: members)
        group.balance = spread.balance
        group.breaker = spread.breaker
        group.slowStart = TimeAmount(spread.slowStart)
        group.retries = spread.retries
        group.retryPercent = spread.retryPercent
        group.resolveInterval = TimeAmount(spread.resolveInterval)
        group.health = spread.health
        return UpstreamSettings(
            configuration: group, keepsEncodedSlash: keeps.value, rewritesLocation: rewrites.value)
    }
}
