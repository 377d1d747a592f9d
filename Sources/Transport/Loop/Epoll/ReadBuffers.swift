import NIOCore

/// The buffers that the connections of a loop read into, one for each size.
///
/// A buffer that nobody holds after a read is filled again by the next read, whosever it is.
struct ReadBuffers {
    /// Sizes are 2 KiB times a power of two, up to 64 KiB.
    static let sizes = 6

    private var spares: [ByteBuffer]
    private let empty = ByteBuffer()

    init() {
        spares = Array(repeating: ByteBuffer(), count: Self.sizes)
    }

    static func capacity(_ size: Int) -> Int { 2048 << size }

    /// Takes an empty buffer of this size.
    @inline(__always)
    mutating func take(_ size: Int) -> ByteBuffer {
        if spares[size].capacity == 0 { return ByteBufferAllocator().buffer(capacity: Self.capacity(size)) }
        let taken = spares[size]
        spares[size] = empty
        return taken
    }

    /// Takes a buffer back, unless somebody holds its storage.
    @inline(__always)
    mutating func put(_ buffer: consuming ByteBuffer, _ size: Int) {
        guard buffer.modifyIfUniquelyOwned({ $0.clear() }) != nil else { return }
        spares[size] = buffer
    }
}
