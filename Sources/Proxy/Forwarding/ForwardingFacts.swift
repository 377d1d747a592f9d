import NIOCore
import Pricing
import Transport

/// What an upstream is told of the client and of the way its request came.
struct ForwardingFacts {
    private let head: RequestHead
    private let client: ClientIdentity
    /// The host as it was matched, where the client spelled it otherwise.
    private let canonicalHost: [UInt8]?

    init(_ head: RequestHead, client: ClientIdentity, host: [UInt8]?) {
        self.head = head
        self.client = client
        canonicalHost = host
    }

    func write(_ form: ForwardedForm, to buffer: inout ByteBuffer) {
        if form.hasX { writeX(to: &buffer) }
        if form.hasRFC7239 { writeForwarded(to: &buffer) }
    }

    // MARK: X-Forwarded-For, -Proto, -Host, X-Real-IP

    private func writeX(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("x-forwarded-for: ")
        client.client.write(to: &buffer)
        for hop in client.hops { Self.appendHop(hop, to: &buffer) }
        if case .proxy(let peer) = client.relay { Self.appendHop(peer, to: &buffer) }
        // It is an address or nothing: who reads it expects no word in its place.
        if let address = client.address {
            buffer.writeStaticString("\r\nx-real-ip: ")
            address.write(to: &buffer)
        }
        buffer.writeStaticString(
            client.isSecure ? "\r\nx-forwarded-proto: https\r\n" : "\r\nx-forwarded-proto: http\r\n")
        guard let host else { return }
        buffer.writeStaticString("x-forwarded-host: ")
        write(host, to: &buffer)
        buffer.writeStaticString("\r\n")
    }

    private static func appendHop(_ hop: IPAddress, to buffer: inout ByteBuffer) {
        buffer.writeStaticString(", ")
        hop.write(to: &buffer)
    }

    // MARK: Forwarded

    /// The client's element has its origin; those of the proxies behind it only their addresses.
    private func writeForwarded(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("forwarded: for=")
        Self.writeNode(client.address, to: &buffer)
        buffer.writeStaticString(client.isSecure ? ";proto=https" : ";proto=http")
        if let host {
            buffer.writeStaticString(";host=\"")
            write(host, to: &buffer)
            buffer.writeStaticString("\"")
        }
        for hop in client.hops { Self.appendElement(hop, to: &buffer) }
        switch client.relay {
        case .none: break
        case .proxy(let peer): Self.appendElement(peer, to: &buffer)
        case .unixSocket: Self.appendElement(nil, to: &buffer)
        }
        buffer.writeStaticString("\r\n")
    }

    private static func appendElement(_ hop: IPAddress?, to buffer: inout ByteBuffer) {
        buffer.writeStaticString(", for=")
        writeNode(hop, to: &buffer)
    }

    /// IPv6 stands in brackets and quotes (RFC 7239 §6.1).
    private static func writeNode(_ address: IPAddress?, to buffer: inout ByteBuffer) {
        guard let address else {
            buffer.writeStaticString("unknown")
            return
        }
        if address.isIPv4 { return address.write(to: &buffer) }
        buffer.writeStaticString("\"[")
        address.write(to: &buffer)
        buffer.writeStaticString("]\"")
    }

    // MARK: Host

    private enum Host {
        /// Bytes of the head.
        case received(Range<Int>)
        case canonical([UInt8])
    }

    /// The host that the client asked for: what a trusted proxy says, if it is one, else the request's own.
    private var host: Host? {
        if let told = client.host, isHost(told) { return .received(told) }
        if let canonicalHost { return .canonical(canonicalHost) }
        return head.host.map(Host.received)
    }

    private func isHost(_ range: Range<Int>) -> Bool {
        head.withBytes { CanonicalHost(UnsafeRawBufferPointer(rebasing: $0[range])) != nil }
    }

    private func write(_ host: Host, to buffer: inout ByteBuffer) {
        switch host {
        case .received(let range):
            head.withBytes { bytes in buffer.append(UnsafeRawBufferPointer(rebasing: bytes[range])) }
        case .canonical(let bytes): buffer.writeBytes(bytes)
        }
    }
}
