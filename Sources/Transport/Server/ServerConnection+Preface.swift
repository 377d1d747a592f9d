import NIOCore

extension ServerConnection {
    /// What a client that speaks HTTP/2 sends first (RFC 9113 §3.4).
    private static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    /// Hands the connection over to HTTP/2 if its first bytes, which HTTP/1.1 refused, are the preface.
    func becomeHTTP2() -> Bool {
        // HTTP/1.1 refuses the first line already; the rest of the preface may still be on its way.
        let isPreface = input.withUnsafeReadableBytes { raw in
            let length = min(raw.count, Self.preface.utf8CodeUnitCount)
            return UnsafeRawBufferPointer(rebasing: raw[..<length]).elementsEqual(
                UnsafeRawBufferPointer(start: Self.preface.utf8Start, count: length))
        }
        guard isPreface, let context else { return false }
        let next = HTTP2Connection(loop: loop, peer: peer, isCounted: isCounted)
        // The next one may close the channel as soon as it is in, and counts from there on.
        let wasCounted = isCounted
        isCounted = false
        let operations = context.pipeline.syncOperations
        guard (try? operations.addHandler(next, position: .after(self))) != nil else {
            isCounted = wasCounted
            return false
        }
        use(nil)
        next.receiveFirst(input)
        input = noBytes
        phase = .closed
        stream = nil
        loop.remove(self)
        self.context = nil
        operations.removeHandler(context: context, promise: nil)
        return true
    }
}
