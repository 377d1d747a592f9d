package import NIOCore

/// What is known of the client of a connection; the same for all its requests.
package final class DownstreamPeer: Sendable {
    /// Where the client connects from, as far as the connection itself shows it.
    package let remoteAddress: SocketAddress?
    /// The address of ours that it connected to.
    package let localAddress: SocketAddress?
    /// What the TLS handshake settled; nil on a plain connection.
    package let tls: TLSSummary?

    /// Whether the client reached us over TLS.
    package let isSecure: Bool
    /// Whether requests are kept to the names of the certificate that was shown.
    package let hasStrictNames: Bool
    /// Whether a PROXY header told the addresses.
    package let isProxied: Bool
    /// The remote address as a value; nil for a unix-domain socket.
    package let address: IPAddress?

    package init(
        remoteAddress: SocketAddress?, localAddress: SocketAddress? = nil, isSecure: Bool = false,
        tls: TLSSummary? = nil, isProxied: Bool = false
    ) {
        self.remoteAddress = remoteAddress
        self.localAddress = localAddress
        self.isSecure = isSecure || tls != nil
        self.tls = tls
        hasStrictNames = tls?.strictNames != nil
        self.isProxied = isProxied
        address = IPAddress(remoteAddress)
    }

    /// Whether the connection came through a unix-domain socket.
    ///
    /// Its client has no path of its own there, so that the kernel may tell no remote address at all.
    package var isLocalSocket: Bool {
        if address != nil || isProxied { return false }
        if case .unixDomainSocket? = localAddress { return true }
        if case .unixDomainSocket? = remoteAddress { return true }
        return false
    }

    /// The peer of a plain channel.
    convenience init(_ channel: any Channel) {
        self.init(remoteAddress: channel.remoteAddress, localAddress: channel.localAddress)
    }

    /// The same client once its handshake is over.
    func secured(_ tls: TLSSummary) -> DownstreamPeer {
        DownstreamPeer(
            remoteAddress: remoteAddress, localAddress: localAddress, tls: tls, isProxied: isProxied)
    }
}
