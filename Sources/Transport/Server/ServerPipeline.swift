import NIOCore

/// What the connections of one listening address speak.
package struct ListenerOptions: Sendable {
    /// What makes the address speak TLS; nil for plain connections.
    package var tls: ServerTLS?
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    package var http2 = true
    /// Whether each connection begins with a PROXY header.
    package var proxyProtocol = false

    package init(tls: ServerTLS? = nil) {
        self.tls = tls
    }
}

/// The protocols that ALPN chooses among (RFC 7301).
package enum ApplicationProtocol: String, Sendable, CaseIterable {
    case http1 = "http/1.1"
    case http2 = "h2"
}

/// Puts the handlers into the channel of a new connection.
struct ServerPipeline {
    let loop: ServerLoop
    let options: ListenerOptions

    func install(on channel: any Channel) throws {
        guard options.proxyProtocol else { return try admit(channel, peer: nil) }
        let header = ProxyHeaderHandler(loop: loop) { channel, peer in try admit(channel, peer: peer) }
        try channel.pipeline.syncOperations.addHandler(header)
    }

    /// Puts in what is spoken, unless the client has as many connections as it may.
    private func admit(_ channel: any Channel, peer: DownstreamPeer?) throws {
        guard loop.limits.maxConnectionsPerClient == nil || enter(channel, peer: peer) else {
            return try channel.pipeline.syncOperations.addHandler(SurplusConnection(answers: options.tls == nil))
        }
        guard let tls = options.tls else {
            return try installProtocol(.http1, on: channel, peer: peer, isAlone: peer == nil)
        }
        let handler = TLSHandler(engine: try tls.makeEngine(offering: offeredProtocols))
        let handshake = ServerHandshake(pipeline: self, tls: tls, handler: handler, peer: peer)
        try channel.pipeline.syncOperations.addHandlers(handler, handshake)
    }

    /// Counts a connection in with its client; it counts until the channel closes.
    private func enter(_ channel: any Channel, peer: DownstreamPeer?) -> Bool {
        guard let limit = loop.limits.maxConnectionsPerClient,
            let address = peer?.address ?? IPAddress(channel.remoteAddress),
            !loop.limits.trustedPeers.contains(address)
        else { return true }
        var hasher = Hasher()
        hasher.combine(address.network(ipv6Prefix: loop.limits.clientPrefix))
        let key = UInt64(bitPattern: Int64(hasher.finalize()))
        let clients = loop.census.clients
        guard clients.enter(key, limit: limit) else { return false }
        channel.closeFuture.whenComplete { _ in clients.leave(key) }
        return true
    }

    /// Puts the handler of a protocol last; the channel may be active already.
    ///
    /// - Parameters:
    ///   - peer: Who the client is, where something before this handler found it out; else the channel tells.
    ///   - isAlone: Whether no other handler is in the channel, so that the pipeline can be gone without.
    func installProtocol(
        _ spoken: ApplicationProtocol, on channel: any Channel, peer: DownstreamPeer?, isAlone: Bool = false
    ) throws {
        switch spoken {
        case .http1:
            // Behind TLS the handshake has chosen, and a client may not go back on it (RFC 9113 §3.2).
            let takesPreface = options.http2 && peer?.tls == nil
            let connection = ServerConnection(loop: loop, peer: peer, takesPreface: takesPreface)
            try channel.pipeline.syncOperations.addHandler(connection)
            if isAlone { connection.use(channel as? any DirectChannel) }
        case .http2:
            try channel.pipeline.syncOperations.addHandler(
                HTTP2Connection(loop: loop, peer: peer ?? DownstreamPeer(channel), isCounted: false))
        }
    }

    /// What ALPN may choose here, the best first.
    var offeredProtocols: [ApplicationProtocol] { options.http2 ? [.http2, .http1] : [.http1] }
}
