import COpenSSL
import NIOCore

/// One TLS connection as bytes in and bytes out, for either side.
///
/// It knows no channel. Ciphertext from the peer goes in through `receive`; what must be sent comes out of
/// `takeOutput` after any other call. To be used on one thread at a time; the session is freed with the object.
final class TLSEngine {
    /// The answer to `handshake`.
    enum HandshakeStep {
        case done
        /// More bytes of the peer are needed.
        case wantsInput
        case failed(TransportError)
    }

    /// The answer to `read`.
    enum ReadStep {
        /// Everything that had arrived was appended; more bytes of the peer are needed.
        case wantsInput
        /// The peer said that it will send no more.
        case closed
        case failed(TransportError)
    }

    enum Side {
        case client, server
    }

    /// The plaintext of one record (RFC 8446 §5.1), and thereby the step of reading.
    static let maxRecordBytes = 16 << 10
    /// What a record adds to its plaintext, at most: header, type, explicit nonce and tag.
    private static let recordOverhead = 32
    /// The most bytes of a peer's handshake; long chains of large certificates stay far below.
    static let maxHandshakeBytes = 64 << 10
    private static let minReadBytes = 64

    let side: Side
    /// What a server offers by ALPN, the best first.
    let offered: [ApplicationProtocol]

    let ssl: OpaquePointer
    /// What the BIO of `ssl` points to.
    private let wire: UnsafeMutablePointer<TLSWire>
    /// The Swift side of the session's `SSL_CTX`, whose callbacks point to it.
    private let context: AnyObject
    /// Where a client keeps what would resume this session.
    let sessions: ClientSessions.Slot?
    /// After a fatal error OpenSSL forbids any further call on the session but freeing it.
    private var hasFailed = false
    private var handshakeBytes = 0

    private(set) var isHandshakeDone = false

    /// What a server's session came from.
    var serverContext: ServerTLSContext? { context as? ServerTLSContext }

    /// Takes a new session over, whatever follows.
    private init(
        _ side: Side, session: OpaquePointer?, context: AnyObject, offered: [ApplicationProtocol],
        sessions: ClientSessions.Slot?
    ) throws(TransportError) {
        guard let session else { throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason()) }
        let wire = UnsafeMutablePointer<TLSWire>.allocate(capacity: 1)
        wire.initialize(to: TLSWire())
        (self.side, self.context, self.offered, self.sessions) = (side, context, offered, sessions)
        (self.ssl, self.wire) = (session, wire)
        guard let bio = TLSWire.makeBIO(wire) else {
            throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason())
        }
        SSL_set_bio(session, bio, bio)
        SSL_set_ex_data(session, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The client's side of a connection to `host`, a name or an IP literal.
    ///
    /// - Parameter protocols: What is offered by ALPN, if not what the context offers.
    convenience init(
        context: TLSContext, connectingTo host: String, isIPLiteral: Bool,
        offering protocols: [ApplicationProtocol] = []
    ) throws(TransportError) {
        ERR_clear_error()
        let slot = context.sessions?.slot(of: host)
        try self.init(.client, session: context.makeSession(), context: context, offered: [], sessions: slot)
        SSL_set_connect_state(ssl)
        let offer = ApplicationProtocol.wireForm(protocols)
        // The call returns 0 for success.
        guard offer.isEmpty || SSL_set_alpn_protos(ssl, offer, UInt32(offer.count)) == 0,
            context.expectPeer(of: ssl, host, isIPLiteral: isIPLiteral)
        else {
            throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason())
        }
        slot?.resume(ssl)
    }

    /// The server's side of a connection.
    convenience init(
        accepting context: ServerTLSContext, offering offered: [ApplicationProtocol]
    ) throws(TransportError) {
        ERR_clear_error()
        try self.init(.server, session: context.makeSession(), context: context, offered: offered, sessions: nil)
        SSL_set_accept_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        wire.deinitialize(count: 1)
        wire.deallocate()
    }

    /// The engine of a session, inside one of its callbacks.
    static func of(_ ssl: OpaquePointer?) -> TLSEngine? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSEngine>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: The peer's bytes

    /// Takes bytes of the peer.
    func receive(_ bytes: ByteBuffer) {
        if !isHandshakeDone { handshakeBytes += bytes.readableBytes }
        if wire.pointee.input.readableBytes == 0 {
            wire.pointee.input = bytes
        } else {
            wire.pointee.input.writeImmutableBuffer(bytes)
        }
    }

    /// Goes on with the handshake as far as the bytes of the peer allow.
    func handshake() -> HandshakeStep {
        guard !hasFailed else { return .failed(TransportError(.tlsHandshakeFailed)) }
        guard !isHandshakeDone else { return .done }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isHandshakeDone = true
            return .done
        }
        if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ {
            wire.pointee.releaseInput()
            if handshakeBytes <= Self.maxHandshakeBytes { return .wantsInput }
            hasFailed = true
            return .failed(TransportError(.tlsHandshakeFailed, detail: "the handshake is too long"))
        }
        hasFailed = true
        return .failed(TLSFailure.ofHandshake(ssl))
    }

    /// Appends the plaintext of everything received so far.
    ///
    /// Only after the handshake.
    func read(into plaintext: inout ByteBuffer) -> ReadStep {
        guard !hasFailed, isHandshakeDone else { return .failed(TransportError(.tlsFailed)) }
        // Plaintext is never longer than its ciphertext.
        plaintext.reserveCapacity(minimumWritableBytes: wire.pointee.input.readableBytes)
        while true {
            var error = SSL_ERROR_NONE
            _ = plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.minReadBytes) { space in
                var count = 0
                ERR_clear_error()
                let result = SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                if result != 1 { error = SSL_get_error(ssl, result) }
                return count
            }
            switch error {
            case SSL_ERROR_NONE where wire.pointee.input.readableBytes > 0 || SSL_has_pending(ssl) != 0: continue
            case SSL_ERROR_NONE, SSL_ERROR_WANT_READ:
                wire.pointee.releaseInput()
                return .wantsInput
            case SSL_ERROR_ZERO_RETURN:
                wire.pointee.releaseInput()
                return .closed
            default:
                hasFailed = true
                return .failed(TransportError(.tlsFailed, detail: TLSFailure.queuedReason()))
            }
        }
    }

    // MARK: Our bytes

    /// Encrypts all of the plaintext and returns the failure, if any.
    ///
    /// Only after the handshake: OpenSSL spins on a write before it is over, hence the guard.
    func write(_ plaintext: UnsafeRawBufferPointer) -> TransportError? {
        guard !hasFailed, isHandshakeDone else { return TransportError(.tlsFailed) }
        let records = plaintext.count / Self.maxRecordBytes + 1
        wire.pointee.output.reserveCapacity(
            minimumWritableBytes: plaintext.count + records * Self.recordOverhead)
        var rest = plaintext
        while !rest.isEmpty {
            var count = 0
            ERR_clear_error()
            let result = SSL_write_ex(ssl, rest.baseAddress, rest.count, &count)
            // The wire takes everything, so nothing but a failure can stop a write.
            guard result == 1, count > 0 else {
                hasFailed = true
                return TransportError(.tlsFailed, detail: TLSFailure.queuedReason())
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return nil
    }

    /// Says to the peer that no more will be sent, if the session can still say anything.
    func close() {
        guard !hasFailed, isHandshakeDone else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// Takes all bytes that wait to be sent; nil if there are none.
    func takeOutput() -> ByteBuffer? { wire.pointee.takeOutput() }
}
