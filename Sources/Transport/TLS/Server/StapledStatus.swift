import COpenSSL

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What an authority says of a certificate (RFC 6960), sent to clients that ask.
struct StapledStatus: Sendable {
    /// The response in DER.
    let bytes: [UInt8]
    /// Whether it is out of date, so that clients would refuse it.
    let isExpired: Bool

    enum Failure: Error {
        case unreadable(String)
        case notAResponse
        case unsuccessful
        case otherCertificate
    }

    /// Reads a file of one response about a certificate, an `X509` that is only read.
    init(file: String, about certificate: OpaquePointer, now: time_t) throws(Failure) {
        ERR_clear_error()
        guard let source = BIO_new_file(file, "rb") else { throw .unreadable(TLSFailure.queuedReason()) }
        defer { BIO_free(source) }
        guard let response = farebox_ocsp_read(source) else { throw .notAResponse }
        defer { OCSP_RESPONSE_free(response) }
        guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL else { throw .unsuccessful }
        guard let basic = OCSP_response_get1_basic(response) else { throw .notAResponse }
        defer { OCSP_BASICRESP_free(basic) }
        guard let single = StapledStatus.answer(of: basic, about: certificate) else { throw .otherCertificate }
        isExpired = StapledStatus.isPast(single, now)
        let count = i2d_OCSP_RESPONSE(response, nil)
        guard count > 0 else { throw .notAResponse }
        bytes = [UInt8](unsafeUninitializedCapacity: Int(count)) { space, written in
            var end = space.baseAddress
            written = max(0, Int(i2d_OCSP_RESPONSE(response, &end)))
        }
    }

    /// The answer about the certificate with this serial number; the authority's name is the client's to check.
    private static func answer(of basic: OpaquePointer, about certificate: OpaquePointer) -> OpaquePointer? {
        let serial = X509_get0_serialNumber(certificate)
        for index in 0..<OCSP_resp_count(basic) {
            guard let single = OCSP_resp_get0(basic, index) else { continue }
            var theirs: UnsafeMutablePointer<ASN1_INTEGER>?
            let id = OCSP_SINGLERESP_get0_id(single)
            if OCSP_id_get0_info(nil, nil, nil, &theirs, id) == 1, ASN1_INTEGER_cmp(theirs, serial) == 0 {
                return single
            }
        }
        return nil
    }

    private static func isPast(_ single: OpaquePointer, _ now: time_t) -> Bool {
        var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        OCSP_single_get0_status(single, nil, nil, nil, &next)
        // Without a next update newer information is always available (RFC 6960 §2.4).
        guard let next else { return false }
        var now = now
        return X509_cmp_time(next, &now) < 0
    }
}
