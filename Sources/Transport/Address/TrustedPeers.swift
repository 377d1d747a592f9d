/// Who is believed when it tells who its client is (`server.trusted_proxies`).
package struct TrustedPeers: Hashable, Sendable {
    package var blocks: CIDRSet
    /// Whoever connects to a unix-domain socket.
    package var unixSockets: Bool

    package init(blocks: CIDRSet = CIDRSet(), unixSockets: Bool = false) {
        self.blocks = blocks
        self.unixSockets = unixSockets
    }

    package var isEmpty: Bool { blocks.isEmpty && !unixSockets }

    package func contains(_ address: IPAddress) -> Bool { blocks.contains(address) }

    /// Whether the peer of a connection is one of them.
    package func contains(_ peer: DownstreamPeer) -> Bool {
        if let address = peer.address { return blocks.contains(address) }
        return unixSockets && peer.isLocalSocket
    }
}
