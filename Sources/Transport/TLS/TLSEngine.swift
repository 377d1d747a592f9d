import COpenSSL
import NIOCore

/// One TLS connection as bytes in and bytes out, over OpenSSL memory BIOs.
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

    /// The plaintext of one record (RFC 8446 §5.1), and thereby the step of reading.
    static let maxRecordBytes = 16 << 10

    private let ssl: OpaquePointer
    /// Owned by `ssl`, like `output`.
    private let input: OpaquePointer
    private let output: OpaquePointer
    /// After a fatal error OpenSSL forbids any further call on the session but freeing it.
    private var hasFailed = false

    private(set) var isHandshakeDone = false

    /// The client's side of a connection to `host`, a name or an IP literal.
    init(context: TLSContext, connectingTo host: String, isIPLiteral: Bool) throws(TransportError) {
        ERR_clear_error()
        guard let ssl = context.makeSession() else {
            throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason())
        }
        let (newInput, newOutput) = (BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        guard let input = newInput, let output = newOutput else {
            BIO_free(newInput)
            BIO_free(newOutput)
            SSL_free(ssl)
            throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason())
        }
        farebox_bio_retry_when_empty(input)
        farebox_bio_retry_when_empty(output)
        SSL_set_bio(ssl, input, output)
        (self.ssl, self.input, self.output) = (ssl, input, output)
        SSL_set_connect_state(ssl)
        guard expectPeer(host, isIPLiteral: isIPLiteral) else {
            throw TransportError(.tlsHandshakeFailed, detail: TLSFailure.queuedReason())
        }
    }

    deinit { SSL_free(ssl) }

    /// Sets the name to ask for and to check: a DNS name of the subject alternative names, never the common name
    /// (RFC 9525 §2), and for an IP literal its address, without SNI (RFC 6066 §3).
    private func expectPeer(_ host: String, isIPLiteral: Bool) -> Bool {
        guard let parameters = SSL_get0_param(ssl) else { return false }
        if isIPLiteral { return X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 }
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        return X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1
            && farebox_ssl_set_server_name(ssl, host) == 1
    }

    /// Takes bytes of the peer; false if there is no memory for them.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let taken = BIO_write(input, rest.baseAddress, Int32(clamping: rest.count))
            guard taken > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(taken)))
        }
        return true
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
        if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return .wantsInput }
        hasFailed = true
        return .failed(TLSFailure.ofHandshake(ssl))
    }

    /// Appends the plaintext of everything received so far.
    ///
    /// Only after the handshake.
    func read(into plaintext: inout ByteBuffer) -> ReadStep {
        guard !hasFailed, isHandshakeDone else { return .failed(TransportError(.tlsFailed)) }
        plaintext.reserveCapacity(minimumWritableBytes: min(BIO_ctrl_pending(input), TLSEngine.maxRecordBytes))
        while true {
            var error = SSL_ERROR_NONE
            _ = plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: TLSEngine.minReadBytes) { space in
                var count = 0
                ERR_clear_error()
                let result = SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                if result != 1 { error = SSL_get_error(ssl, result) }
                return count
            }
            switch error {
            case SSL_ERROR_NONE: continue
            case SSL_ERROR_WANT_READ: return .wantsInput
            case SSL_ERROR_ZERO_RETURN: return .closed
            default:
                hasFailed = true
                return .failed(TransportError(.tlsFailed, detail: TLSFailure.queuedReason()))
            }
        }
    }

    private static let minReadBytes = 1024

    /// Encrypts all of the plaintext and returns the failure, if any.
    ///
    /// Only after the handshake: OpenSSL spins on a write before it is over, hence the guard.
    func write(_ plaintext: UnsafeRawBufferPointer) -> TransportError? {
        guard !hasFailed, isHandshakeDone else { return TransportError(.tlsFailed) }
        var rest = plaintext
        while !rest.isEmpty {
            var count = 0
            ERR_clear_error()
            let result = SSL_write_ex(ssl, rest.baseAddress, rest.count, &count)
            // A memory BIO takes everything, so nothing but a failure can stop a write.
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

    /// How many bytes wait to be sent to the peer.
    var outputBytes: Int { BIO_ctrl_pending(output) }

    /// Moves all bytes that wait to be sent into `ciphertext`.
    func takeOutput(into ciphertext: inout ByteBuffer) {
        let waiting = outputBytes
        guard waiting > 0 else { return }
        ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: waiting) { space in
            max(0, Int(BIO_read(output, space.baseAddress, Int32(clamping: waiting))))
        }
    }
}
