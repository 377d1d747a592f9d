import NIOCore

/// Plaintext that waits for a flush or for the handshake, in order.
struct PendingTLSWrites {
    private var queue = MarkedCircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)>(
        initialCapacity: 4)
    /// How many bytes wait.
    private(set) var bytes = 0

    mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        bytes += buffer.readableBytes
        queue.append((buffer, promise))
    }

    /// Releases what was appended so far.
    mutating func mark() { queue.mark() }

    var hasMarked: Bool { queue.hasMark }

    mutating func fail(_ error: any Error) {
        let failed = queue
        queue = MarkedCircularBuffer(initialCapacity: 4)
        bytes = 0
        for write in failed { write.promise?.fail(error) }
    }

    /// Hands all released bytes to `encrypt`, small writes gathered into records, and returns one promise for them.
    ///
    /// After a failure the taken promises have failed with it.
    mutating func takeMarked(
        _ encrypt: (UnsafeRawBufferPointer) -> TransportError?
    ) -> Result<EventLoopPromise<Void>?, TransportError> {
        var promise: EventLoopPromise<Void>?
        var gathered: ByteBuffer?
        while queue.hasMark, let write = queue.popFirst() {
            bytes -= write.bytes.readableBytes
            PendingTLSWrites.join(write.promise, to: &promise)
            if let failure = PendingTLSWrites.gather(write.bytes, into: &gathered, encrypt) {
                promise?.fail(failure)
                return .failure(failure)
            }
        }
        if let failure = gathered?.withUnsafeReadableBytes(encrypt) {
            promise?.fail(failure)
            return .failure(failure)
        }
        return .success(promise)
    }

    /// Adds a write to the gathered ones, encrypting these first if it does not fit in their record.
    private static func gather(
        _ bytes: ByteBuffer, into gathered: inout ByteBuffer?, _ encrypt: (UnsafeRawBufferPointer) -> TransportError?
    ) -> TransportError? {
        let waiting = gathered?.readableBytes ?? 0
        if waiting > 0, waiting + bytes.readableBytes <= TLSEngine.maxRecordBytes {
            gathered?.writeImmutableBuffer(bytes)
            return nil
        }
        let failure = gathered?.withUnsafeReadableBytes(encrypt)
        gathered = bytes
        return failure
    }

    private static func join(_ promise: EventLoopPromise<Void>?, to joined: inout EventLoopPromise<Void>?) {
        guard let promise else { return }
        if let joined { joined.futureResult.cascade(to: promise) } else { joined = promise }
    }
}
