import NIOCore

/// The bytes of one message's body that wait to be sent, and what follows them.
///
/// Its owner fills it, the session empties it as far as the peer's windows allow.
final class HTTP2BodySource {
    // One piece is the rule; the queue is for more.
    @exclusivity(unchecked) private var first = ByteBuffer()
    @exclusivity(unchecked) private var others = CircularBuffer<ByteBuffer>(initialCapacity: 4)
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    private let noBytes = ByteBuffer()

    /// Bytes that wait.
    private(set) var count = 0
    /// Whether nothing is appended any more.
    private(set) var isEnded = false
    /// Trailer lines (`name: value` CRLF) that follow the body.
    private(set) var trailers: ByteBuffer?
    /// Whether the session waits to be told of more.
    var isDeferred = false

    func append(_ bytes: ByteBuffer) {
        if count == 0 {
            first = bytes
        } else {
            others.append(bytes)
        }
        count += bytes.readableBytes
    }

    func end(trailers: ByteBuffer?) {
        isEnded = true
        self.trailers = trailers
    }

    /// Moves exactly so many bytes; they are there.
    func move(_ length: Int, to output: inout ByteBuffer) {
        var rest = min(length, count)
        count -= rest
        while rest > 0 {
            let piece = first.readableBytes
            if piece > rest {
                if let slice = first.readSlice(length: rest) { output.writeImmutableBuffer(slice) }
                return
            }
            output.writeImmutableBuffer(first)
            rest -= piece
            first = others.popFirst() ?? noBytes
        }
    }

    /// Forgets what waits; nothing is sent any more.
    func drop() {
        first = noBytes
        others.removeAll()
        count = 0
        trailers = nil
    }

    /// Forgets everything, for the next message.
    func reset() {
        first = noBytes
        others.removeAll(keepingCapacity: others.capacity <= 64)
        count = 0
        isEnded = false
        trailers = nil
        isDeferred = false
    }
}
