import COpenSSL

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Reads what OpenSSL says about a failure, in this transport's terms.
enum TLSFailure {
    /// The oldest queued error's reason, and an empty queue.
    static func queuedReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        // OpenSSL has no words for what the system says.
        if ERR_GET_LIB(code) == ERR_LIB_SYS { return String(cString: strerror(ERR_GET_REASON(code))) }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "no reason given"
    }

    /// The failure of a handshake: the certificate's where verification failed.
    static func ofHandshake(_ ssl: OpaquePointer) -> TransportError {
        let reason = queuedReason()
        let verification = SSL_get_verify_result(ssl)
        guard verification != Int(X509_V_OK) else { return TransportError(.tlsHandshakeFailed, detail: reason) }
        return TransportError(
            certificateCode(Int32(truncatingIfNeeded: verification)),
            detail: String(cString: X509_verify_cert_error_string(verification)))
    }

    private static func certificateCode(_ verification: Int32) -> TransportError.Code {
        switch verification {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: .certificateExpired
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .certificateNameMismatch
        default: .certificateNotTrusted
        }
    }
}
