import COpenSSL
import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The ciphertext of one session, which OpenSSL reads from and writes to in place.
///
/// It lies at an address of its own for as long as the BIO that points to it.
struct TLSWire {
    /// What came from the peer and was not read yet.
    var input = ByteBuffer()
    /// What must be sent to the peer.
    var output = ByteBuffer()
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    private let noBytes = ByteBuffer()

    /// Lets go of the storage of input that was read.
    mutating func releaseInput() {
        if input.readableBytes == 0 { input = noBytes }
    }

    mutating func takeOutput() -> ByteBuffer? {
        guard output.readableBytes > 0 else { return nil }
        let taken = output
        output = noBytes
        return taken
    }
}

extension TLSWire {
    private static let shouldRetryRead = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY
    private static let anyRetry = BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

    /// The kind of BIO that reads and writes a wire.
    ///
    /// Nil without memory; never changed once made.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "farebox wire") else { return nil }
        BIO_meth_set_read(method) { bio, space, count in TLSWire.read(bio, space, count) }
        BIO_meth_set_write(method) { bio, bytes, count in TLSWire.write(bio, bytes, count) }
        // A wire has nothing to flush, which is all that a session asks of it.
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }()

    /// A BIO over a wire, which must outlive it.
    static func makeBIO(_ wire: UnsafeMutablePointer<TLSWire>) -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, wire)
        BIO_set_init(bio, 1)
        return bio
    }

    private static func of(_ bio: OpaquePointer?) -> UnsafeMutablePointer<TLSWire>? {
        BIO_get_data(bio)?.assumingMemoryBound(to: TLSWire.self)
    }

    private static func read(_ bio: OpaquePointer?, _ space: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
        BIO_clear_flags(bio, anyRetry)
        guard let wire = of(bio), let space, count > 0 else { return 0 }
        let taken = wire.pointee.input.readWithUnsafeReadableBytes { bytes in
            let taken = min(bytes.count, Int(count))
            if taken > 0, let start = bytes.baseAddress { memcpy(space, start, taken) }
            return taken
        }
        guard taken > 0 else {
            BIO_set_flags(bio, shouldRetryRead)
            return -1
        }
        return Int32(taken)
    }

    private static func write(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
        BIO_clear_flags(bio, anyRetry)
        guard let wire = of(bio), let bytes, count > 0 else { return 0 }
        wire.pointee.output.writeBytes(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return count
    }
}
