import NIOCore
import Transport

/// One of an upstream's `servers`.
struct ServerDraft {
    var address: UpstreamConfiguration.Address
    var weight = 1
    var isBackup = false
}

/// How an upstream's requests are spread over its servers.
struct SpreadDraft {
    var balance: BalancePolicy
    var breaker: BreakerPolicy
    var slowStart: Duration
    var retries: Int
    var retryPercent: Int
}

extension FileReader {
    /// `url`, or `servers`: at least one; nil after a mistake.
    func servers(_ section: Section) -> [ServerDraft]? {
        if section.has("url"), section.has("servers") {
            log.add(section.place(of: "servers"), "stands beside `url`; write one of them")
            return nil
        }
        guard section.has("servers") else {
            return section.require("url", Self.serverAddress).map { [ServerDraft(address: $0.value)] }
        }
        guard let servers = section.list("servers", server) else { return nil }
        if case .array(let elements)? = section.node("servers")?.value, elements.count != servers.count { return nil }
        return check(servers, section) ? servers.map(\.value) : nil
    }

    /// A URL, or a table with it.
    private func server(_ node: DocumentNode) -> Reading<ServerDraft> {
        guard case .table = node.value else {
            return Self.serverAddress(node).map { ServerDraft(address: $0) }
        }
        guard let section = Section(node, table: "upstreams.servers", log: log),
            let address = section.require("url", Self.serverAddress),
            let weight = section.read("weight", ValueKind.integer(1...UpstreamGroupConfiguration.maxWeight)),
            let isBackup = section.read("backup", ValueKind.bool)
        else { return .toldElsewhere }
        return .value(ServerDraft(address: address.value, weight: weight.value, isBackup: isBackup.value))
    }

    private func check(_ servers: [Located<ServerDraft>], _ section: Section) -> Bool {
        let place = section.place(of: "servers")
        if servers.isEmpty {
            log.add(place, "names no server")
            return false
        }
        if servers.count > UpstreamGroupConfiguration.maxMembers {
            log.add(place, "has more than \(UpstreamGroupConfiguration.maxMembers) servers")
            return false
        }
        if servers.allSatisfy(\.value.isBackup) {
            log.add(place, "has only backups; leave `backup` out of one of them")
            return false
        }
        for (index, server) in servers.enumerated() {
            if servers[..<index].contains(where: { $0.value.address == server.value.address }) {
                log.add(server.place, "is the same server again; give it a `weight` instead")
                return false
            }
        }
        return true
    }

    /// `http://host:port`, or `unix:/path`.
    private static func serverAddress(_ node: DocumentNode) -> Reading<UpstreamConfiguration.Address> {
        guard case .string(let text) = node.value else { return .mistake("must be a URL, not \(node.kind)") }
        if text.hasPrefix("unix:") {
            guard case .unix(let path)? = ListenAddress(text) else {
                return .mistake("is not a socket: write \"unix:/path\" of at most 107 bytes")
            }
            return .value(.unix(path))
        }
        guard let url = OutgoingURL(text) else { return .mistake("is not a URL such as \"http://127.0.0.1:9000\"") }
        guard url.scheme == .http else { return .mistake("an https upstream is not available in this version") }
        guard url.target == "/" else {
            return .mistake("has a path; the request's own path is forwarded as it is")
        }
        return .value(.host(url.host, port: url.port))
    }

    /// `balance` and what belongs to failures.
    func spread(_ section: Section) -> SpreadDraft? {
        let balance = balance(section)
        let retries = section.read("retries", ValueKind.integer(0...10))
        let retryPercent = section.read("retry_percent", ValueKind.integer(0...100))
        let maxFailures = section.read("max_fails", ValueKind.integer(1...1_000_000))
        let failTimeout = section.read("fail_timeout", ValueKind.duration)
        let statuses = section.list("fail_statuses", ValueKind.status)
        let slowStart = section.read("slow_start", ValueKind.duration)
        guard let balance, let retries, let retryPercent, let maxFailures, let failTimeout, let statuses, let slowStart
        else { return nil }
        var breaker = BreakerPolicy()
        breaker.maxFailures = maxFailures.value
        breaker.failTimeout = TimeAmount(failTimeout.value)
        breaker.failStatuses = Set(statuses.flatMap { Array($0.value.range) })
        return SpreadDraft(
            balance: balance, breaker: breaker, slowStart: slowStart.value, retries: retries.value,
            retryPercent: retryPercent.value)
    }

    private func balance(_ section: Section) -> BalancePolicy? {
        enum Word { case roundRobin, leastOutstanding, hash }
        let word = section.read(
            "balance",
            ValueKind.word([
                ("round_robin", Word.roundRobin), ("least_outstanding", .leastOutstanding), ("hash", .hash),
            ]))
        guard let word else { return nil }
        guard word.value == .hash else {
            section.refuse(["hash_on"], "has no meaning unless `balance` is \"hash\"")
            return word.value == .roundRobin ? .roundRobin : .leastOutstanding
        }
        if !section.has("hash_on") {
            log.add(section.place(of: "balance"), "\"hash\" needs `hash_on`: \"client\", \"path\" or \"header:NAME\"")
            return nil
        }
        return section.read("hash_on", Self.hashSource).map { .hash($0.value) }
    }

    private static func hashSource(_ node: DocumentNode) -> Reading<BalancePolicy.HashSource> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        if text == "client" { return .value(.client) }
        if text == "path" { return .value(.path) }
        let name = text.dropFirst("header:".count)
        guard text.hasPrefix("header:"), !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else {
            return .mistake("must be \"client\", \"path\" or \"header:NAME\"")
        }
        return .value(.header(name.lowercased()))
    }

    /// What a field name is made of (RFC 9110 §5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension StatusItem {
    /// The statuses that it stands for.
    var range: ClosedRange<Int> {
        switch self {
        case .class(let digit): digit * 100...digit * 100 + 99
        case .code(let status): status...status
        }
    }
}
