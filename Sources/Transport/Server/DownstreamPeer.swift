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

    package init(
        remoteAddress: SocketAddress?, localAddress: SocketAddress? = nil, isSecure: Bool = false,
        tls: TLSSummary? = nil
    ) {
        self.remoteAddress = remoteAddress
        self.localAddress = localAddress
        self.isSecure = isSecure || tls != nil
        self.tls = tls
    }

    /// The peer of a plain channel.
    convenience init(_ channel: any Channel) {
        self.init(remoteAddress: channel.remoteAddress, localAddress: channel.localAddress)
    }

    /// The same client once its handshake is over.
    func secured(_ tls: TLSSummary) -> DownstreamPeer {
        DownstreamPeer(remoteAddress: remoteAddress, localAddress: localAddress, tls: tls)
    }
}
