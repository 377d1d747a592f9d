import NIOCore

/// What the connections of one listening address speak.
package struct ListenerOptions: Sendable {
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    package var http2 = true

    package init() {}
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
        try installProtocol(.http1, on: channel, peer: nil)
    }

    /// Puts the handler of a protocol last; the channel may be active already.
    ///
    /// - Parameter peer: Who the client is, where something before this handler found it out; else the channel tells.
    func installProtocol(_ spoken: ApplicationProtocol, on channel: any Channel, peer: DownstreamPeer?) throws {
        switch spoken {
        case .http1, .http2:
            try channel.pipeline.syncOperations.addHandler(ServerConnection(loop: loop, peer: peer))
        }
    }

    /// Whether `installProtocol` has a handler for HTTP/2; without one it is never offered.
    private static let hasHTTP2 = false

    /// What ALPN may choose here, the best first.
    var offeredProtocols: [ApplicationProtocol] { options.http2 && Self.hasHTTP2 ? [.http2, .http1] : [.http1] }
}
