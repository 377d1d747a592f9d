import NIOCore
import Pricing
import Transport

/// Answers that tell what is sold.
extension Exchange {
    /// Sends a document, or that the client has it already (RFC 9110 §13.1.2).
    func answerDiscovery(_ kind: DiscoveryKind, from book: DiscoveryBook) {
        let head = stream.head
        switch head.method {
        case .get, .head: break
        case .options: return answerPreflight(allowing: "GET, HEAD")
        default: return answer(.methodNotAllowed(allow: "GET, HEAD, OPTIONS"))
        }
        let document = book.document(
            kind, host: hostAsked, origin: book.ownOrigin(of: hostOfClient, isSecure: client.isSecure))
        let isKnown = hasDocument(document)
        status = isKnown ? 304 : 200
        var answer = ByteBuffer()
        answer.writeStaticString(isKnown ? "HTTP/1.1 304 Not Modified\r\n" : "HTTP/1.1 200 OK\r\n")
        if !isKnown { answer.writeStaticString("content-type: application/json\r\n") }
        answer.writeStaticString("cache-control: no-cache\r\naccess-control-allow-origin: *\r\netag: ")
        answer.writeString(document.entityTag)
        answer.writeStaticString("\r\n")
        guard !isKnown else {
            stream.writeHead(answer, body: .none)
            log()
            return stream.end(trailers: nil)
        }
        stream.writeHead(answer, body: .length(UInt64(document.bytes.count)))
        if head.method == .get {
            bytesOut = UInt64(document.bytes.count)
            stream.writeBody(ByteBuffer(bytes: document.bytes))
        }
        log()
        stream.end(trailers: nil)
    }

    /// The host that the request is for, in lower case and without a port.
    private var hostAsked: String? {
        let head = stream.head
        guard let range = head.host else { return nil }
        return head.withBytes { bytes in
            let raw = UnsafeRawBufferPointer(rebasing: bytes[range])
            return CanonicalHost(raw).map { String(decoding: raw[$0.name], as: UTF8.self).lowercased() }
        }
    }

    /// Compared weakly, as `If-None-Match` is.
    private func hasDocument(_ document: DiscoveryDocument) -> Bool {
        let head = stream.head
        return head.fields.contains { field in
            guard field.known == .other, head.string(field.name).lowercased() == "if-none-match" else { return false }
            return head.string(field.value).split(separator: ",").contains { tag in
                var tag = tag.drop { $0 == " " }
                while tag.last == " " { tag.removeLast() }
                return tag == "*" || (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == document.entityTag
            }
        }
    }
}
