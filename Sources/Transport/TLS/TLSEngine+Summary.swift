import COpenSSL
import Primitives

extension TLSEngine {
    /// What the handshake settled; only after it.
    var summary: TLSSummary {
        var summary = TLSSummary(version: SSL_version(ssl) == TLS1_3_VERSION ? .tls13 : .tls12)
        summary.serverName = serverName
        summary.spoken = chosenProtocol
        summary.isResumed = SSL_session_reused(ssl) == 1
        if side == .server {
            summary.client = peerCertificate
            summary.strictNames = serverContext?.strictNames(of: serverName)
        }
        return summary
    }

    /// The certificate that the other side showed.
    var peerCertificate: TLSSummary.ClientCertificate? {
        SSL_get0_peer_certificate(ssl).map { TLSSummary.ClientCertificate($0) }
    }

    /// The name that a client asked for, in lower case.
    var serverName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0).lowercased() }
    }

    /// What ALPN chose; nil where one side offered nothing, or nothing that we know.
    var chosenProtocol: ApplicationProtocol? {
        var (name, count): (UnsafePointer<UInt8>?, UInt32) = (nil, 0)
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return ApplicationProtocol(UnsafeRawBufferPointer(start: name, count: Int(count)))
    }
}

extension ApplicationProtocol {
    init?(_ name: UnsafeRawBufferPointer) {
        guard let match = Self.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else { return nil }
        self = match
    }

    /// The list as ALPN carries it: each name behind its length (RFC 7301 §3.1).
    static func wireForm(_ protocols: [ApplicationProtocol]) -> [UInt8] {
        protocols.flatMap { [UInt8($0.rawValue.utf8.count)] + Array($0.rawValue.utf8) }
    }
}

extension TLSSummary.ClientCertificate {
    /// The most bytes of a subject that are kept.
    private static let maxSubjectBytes = 1024

    /// - Parameter certificate: An `X509`, only read.
    init(_ certificate: OpaquePointer) {
        subject = Self.subject(of: certificate)
        fingerprint = withUnsafeTemporaryAllocation(byteCount: Int(EVP_MAX_MD_SIZE), alignment: 8) { digest in
            var count: UInt32 = 0
            let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard X509_digest(certificate, EVP_sha256(), start, &count) == 1 else { return "" }
            return Hex.encode(UnsafeRawBufferPointer(rebasing: digest[..<Int(count)]), prefix: false)
        }
    }

    private static func subject(of certificate: OpaquePointer) -> String {
        guard let text = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(text) }
        // RFC 2253 with every control character and every byte beyond ASCII escaped.
        guard X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, farebox_rfc2253_flags()) >= 0 else {
            return ""
        }
        let count = min(Int(farebox_bio_pending(text)), maxSubjectBytes)
        return String(unsafeUninitializedCapacity: count) { space in
            max(0, Int(BIO_read(text, space.baseAddress, Int32(count))))
        }
    }
}
