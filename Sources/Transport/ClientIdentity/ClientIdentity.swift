/// Whom a request comes from, and how that client reached the first proxy of ours.
package struct ClientIdentity {
    /// The client: the peer of the connection, or whom trusted proxies name.
    package internal(set) var address: IPAddress?
    /// The trusted proxies between the client and the peer, in the order of the way; never the peer itself.
    package internal(set) var hops: [IPAddress] = []
    /// The peer, where it is a proxy that named the client.
    package internal(set) var relay: Relay = .none
    /// Whether the client used TLS.
    package internal(set) var isSecure: Bool
    /// Whether the address is one client's, as far as can be told: nobody behind it is named.
    package internal(set) var isProof: Bool
    /// Where the host stands that a trusted proxy says the client asked for.
    package internal(set) var host: Range<Int>?
    /// Whether a trusted proxy told protocol or host, so that the origin is the client's and not ours.
    package internal(set) var isOriginTold = false
    /// What the log says.
    package internal(set) var remark: StaticString?

    /// How the word about the client came.
    package enum Relay: Equatable {
        /// From nobody: the client is the peer.
        case none
        /// From the proxy with this address.
        case proxy(IPAddress)
        /// From a proxy on a unix-domain socket.
        case unixSocket
    }

    /// What a proxy in front of us leaves behind, as a set of fields.
    private static let proxyTraces = [
        KnownField.forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP, .via,
    ].reduce(UInt64(0)) { $0 | 1 &<< UInt64($1.rawValue) }

    /// The peer itself, whatever its fields say.
    init(_ peer: DownstreamPeer, head: RequestHead) {
        address = peer.address
        isSecure = peer.isSecure
        isProof = head.present & Self.proxyTraces == 0
    }
}

/// Whose word about clients is taken, and in which fields.
package struct ProxyTrust: Hashable, Sendable {
    package var peers: TrustedPeers
    package var form: ForwardedForm

    package init(peers: TrustedPeers = TrustedPeers(), form: ForwardedForm = .x) {
        self.peers = peers
        self.form = form
    }

    /// Who the client of a request is.
    package func identify(_ head: RequestHead, peer: DownstreamPeer) -> ClientIdentity {
        let direct = ClientIdentity(peer, head: head)
        guard !peers.isEmpty, peers.contains(peer) else { return direct }
        var walk = ProxyChain(direct, peer: peer, trusted: peers)
        switch form {
        case .x, .both: walk.readX(head)
        case .rfc7239: walk.readForwarded(head)
        }
        return walk.identity(head)
    }
}
