import NIOCore

/// A stream that carries another protocol after an extended CONNECT (RFC 8441); each direction ends by itself.
extension HTTP2Stream {
    /// Answers 200, which is what 101 is here (RFC 8441 §5), and lets both directions flow.
    func openTunnel(_ head: consuming ByteBuffer) {
        guard responsePhase == .awaitsHead, self.head.hasUpgrade, !isTunnel else { return }
        isTunnel = true
        isBodyAccepted = true
        respond(Self.answer(head), body: .stream, hasDate: false)
        deliver()
        connection.flushSoon()
    }

    /// The head without what only HTTP/1.1 has; `Connection` and `Upgrade` are left out of every answer.
    private static func answer(_ head: ByteBuffer) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: head.readableBytes)
        answer.writeStaticString("HTTP/1.1 200 OK\r\n")
        head.withUnsafeReadableBytes { bytes in
            let name: StaticString = "sec-websocket-accept:"
            var start = 0
            while start < bytes.count {
                var end = start
                while end < bytes.count, bytes[end] != 0x0a { end &+= 1 }
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<min(end &+ 1, bytes.count)])
                let isAccept =
                    line.count >= name.utf8CodeUnitCount
                    && TokenList.equal(UnsafeRawBufferPointer(rebasing: line[..<name.utf8CodeUnitCount]), name)
                if start > 0, !isAccept { answer.writeBytes(line) }
                start = end &+ 1
            }
        }
        return answer
    }
}
