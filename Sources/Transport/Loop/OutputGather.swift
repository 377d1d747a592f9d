import NIOCore

/// Gathers small writes into one buffer, so that a small message costs one system call.
///
/// Large pieces are passed on as they are; order is kept.
struct OutputGather {
    /// Pieces up to this size are copied.
    static let smallPiece = 8 * 1024
    /// The buffer is passed on when it would grow past this size.
    static let capacity = 16 * 1024

    private var buffer = ByteBuffer()
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    private let empty = ByteBuffer()

    var isEmpty: Bool { buffer.readableBytes == 0 }

    /// Starts with an empty buffer that has room; nothing may be gathered.
    mutating func start(_ empty: consuming ByteBuffer) {
        buffer = empty
    }

    /// Appends through a closure that writes a few hundred bytes at most.
    @inline(__always)
    mutating func append(_ body: (inout ByteBuffer) -> Void) {
        body(&buffer)
    }

    /// Appends a piece, or returns what must be written now, in order.
    @inline(__always)
    mutating func add(_ piece: ByteBuffer) -> (first: ByteBuffer?, second: ByteBuffer?) {
        let count = piece.readableBytes
        if count <= Self.smallPiece, buffer.readableBytes + count <= Self.capacity {
            buffer.writeImmutableBuffer(piece)
            return (nil, nil)
        }
        return (take(), piece)
    }

    /// Takes what is gathered, if anything.
    @inline(__always)
    mutating func take() -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        let taken = buffer
        buffer = empty
        return taken
    }
}

/// Buffers of one loop that were written and can be filled again.
struct SpareBuffers {
    private var buffers: [ByteBuffer] = []
    private static let most = 64

    /// Returns an empty buffer with room for a message head.
    mutating func take() -> ByteBuffer {
        buffers.popLast() ?? ByteBufferAllocator().buffer(capacity: 2048)
    }

    /// Takes back a buffer that has served, unless somebody still holds its storage.
    mutating func put(_ buffer: consuming ByteBuffer) {
        guard buffers.count < Self.most, buffer.capacity >= 512, buffer.capacity <= OutputGather.capacity * 2 else {
            return
        }
        guard buffer.modifyIfUniquelyOwned({ $0.clear() }) != nil else { return }
        buffers.append(buffer)
    }
}
