import NIOCore
import Pricing
import Transport

/// The target of a forwarded request.
enum ForwardedTarget {
    /// Canonical as it came: its bytes are copied with the request line.
    case asReceived
    /// A part of the target as it came: the origin form inside an absolute one.
    case part(Range<Int>)
    /// The canonical bytes, in origin form.
    case rewritten([UInt8])
}

/// Builds the head of a request upstream from the one downstream, by copying what is kept.
enum ForwardedHead {
    /// The head without framing, connection fields and empty line, as `UpstreamPool.start` takes it.
    ///
    /// Written into the storage of the buffer that is handed over.
    ///
    /// - Parameter isRead: The answer's body is read here, so that no compression may be asked for.
    static func build(
        _ head: RequestHead, target: ForwardedTarget, client: ClientIdentity,
        upstream: UpstreamConfiguration, isRead: Bool = false, in empty: consuming ByteBuffer
    ) -> ByteBuffer {
        var buffer = consume empty
        buffer.reserveCapacity(head.bytes.readableBytes + 256)
        var start = head.fields.first?.line.lowerBound ?? 0
        switch target {
        case .asReceived where !head.isHTTP10:
            start = 0
        case .asReceived:
            head.withBytes { bytes in
                buffer.append(UnsafeRawBufferPointer(rebasing: bytes[..<head.targetRange.upperBound]))
            }
            buffer.writeStaticString(" HTTP/1.1\r\n")
        case .part(let range):
            head.withBytes { all in
                buffer.append(UnsafeRawBufferPointer(rebasing: all[head.methodRange]))
                buffer.writeStaticString(" ")
                let target = UnsafeRawBufferPointer(rebasing: all[head.targetRange])
                buffer.append(UnsafeRawBufferPointer(rebasing: target[range]))
            }
            buffer.writeStaticString(" HTTP/1.1\r\n")
        case .rewritten(let bytes):
            head.withBytes { all in
                buffer.append(UnsafeRawBufferPointer(rebasing: all[head.methodRange]))
            }
            buffer.writeStaticString(" ")
            buffer.writeBytes(bytes)
            buffer.writeStaticString(" HTTP/1.1\r\n")
        }
        let host = canonicalHost(of: head)
        let hops = head.maxForwards
        var withheld: FieldSet = host == nil ? .withheldFromUpstream : withheldWithHost
        if hops != nil { withheld = withheld.union(FieldSet(.maxForwards)) }
        if isRead { withheld = withheld.union(FieldSet(.acceptEncoding)) }
        if !head.fields.isEmpty {
            KeptRuns.append(of: head, from: start, withheld: withheld, to: &buffer)
        }
        if let host {
            buffer.writeStaticString("host: ")
            buffer.writeBytes(host)
            buffer.writeStaticString("\r\n")
        } else if head.host == nil {
            appendHost(of: upstream, to: &buffer)
        }
        if let hops {
            buffer.writeStaticString("max-forwards: ")
            buffer.writeDecimal(hops &- 1)
            buffer.writeStaticString("\r\n")
        }
        if isRead { buffer.writeStaticString("accept-encoding: identity\r\n") }
        ForwardingFacts(head, client: client, host: host).write(upstream.forwarded, to: &buffer)
        return buffer
    }

    private static let withheldWithHost = FieldSet.withheldFromUpstream.union(FieldSet(.host))

    /// The host as it is forwarded; nil where the client named none.
    static func host(of head: RequestHead) -> [UInt8]? {
        canonicalHost(of: head) ?? head.host.map { host in head.withBytes { Array($0[host]) } }
    }

    /// The host as it was matched, where the client spelled it otherwise: capitals, a trailing dot.
    private static func canonicalHost(of head: RequestHead) -> [UInt8]? {
        guard let host = head.host else { return nil }
        return head.withBytes { bytes in
            let raw = UnsafeRawBufferPointer(rebasing: bytes[host])
            guard let canonical = CanonicalHost(raw), !canonical.isCanonical else { return nil }
            return canonical.forwarded(from: raw)
        }
    }

    /// An HTTP/1.0 request without a host gets the upstream's.
    static func appendHost(of upstream: UpstreamConfiguration, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("host: ")
        switch upstream.address {
        case .host(let name, let port):
            buffer.writeString(name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)")
        case .unix: buffer.writeStaticString("localhost")
        }
        buffer.writeStaticString("\r\n")
    }
}
