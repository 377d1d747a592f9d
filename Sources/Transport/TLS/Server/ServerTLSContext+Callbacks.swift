import COpenSSL
import Primitives

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What OpenSSL asks in the middle of a handshake.
extension ServerTLSContext {
    func installCallbacks(on certificate: ServerCertificate) {
        let context = certificate.context
        SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
        farebox_ssl_ctx_on_server_name(context) { ssl, alert, _ in
            guard let ssl, let context = ServerTLSContext.of(ssl) else { return SSL_TLSEXT_ERR_NOACK }
            return context.choose(ssl, alert)
        }
        SSL_CTX_set_alpn_select_cb(
            context,
            { ssl, chosen, count, offer, offerCount, _ in
                guard let offer, let engine = TLSEngine.of(ssl) else { return SSL_TLSEXT_ERR_NOACK }
                return engine.choose(UnsafeBufferPointer(start: offer, count: Int(offerCount)), chosen, count)
            }, nil)
        farebox_ssl_ctx_on_ticket(context) { ssl, name, vector, cipher, mac, seals in
            guard let name, let vector, let tickets = ServerTLSContext.of(ssl)?.tickets else { return -1 }
            return seals == 1
                ? tickets.seal(name, vector, cipher, mac) : tickets.open(name, vector, cipher, mac)
        }
        guard certificate.status?.isExpired == false else { return }
        farebox_ssl_ctx_on_status_request(
            context,
            { ssl, argument in
                guard let argument else { return SSL_TLSEXT_ERR_NOACK }
                let certificate = Unmanaged<ServerCertificate>.fromOpaque(argument).takeUnretainedValue()
                guard let bytes = certificate.status?.bytes, farebox_ssl_staple(ssl, bytes, bytes.count) == 1 else {
                    return SSL_TLSEXT_ERR_NOACK
                }
                return SSL_TLSEXT_ERR_OK
            }, Unmanaged.passUnretained(certificate).toOpaque())
    }

    /// The context of a session; all certificates of it lead here.
    private static func of(_ ssl: OpaquePointer?) -> ServerTLSContext? {
        guard let ssl, let context = SSL_get_SSL_CTX(ssl), let data = SSL_CTX_get_ex_data(context, 0) else {
            return nil
        }
        return Unmanaged<ServerTLSContext>.fromOpaque(data).takeUnretainedValue()
    }

    /// Takes the certificate for the name that the client asks for, if any (RFC 6066 §3).
    private func choose(_ ssl: OpaquePointer, _ alert: UnsafeMutablePointer<Int32>?) -> Int32 {
        let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
        if let match = name.flatMap({ names.certificate(for: $0) }) {
            if match > 0 { SSL_set_SSL_CTX(ssl, certificates[match].context) }
            return SSL_TLSEXT_ERR_OK
        }
        guard isNameStrict else { return SSL_TLSEXT_ERR_NOACK }
        alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}

extension TLSEngine {
    /// Chooses the first of our protocols that the client offers; no common one ends the handshake (RFC 7301 §3.2).
    fileprivate func choose(
        _ offer: UnsafeBufferPointer<UInt8>, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ count: UnsafeMutablePointer<UInt8>?
    ) -> Int32 {
        for candidate in offered {
            var index = 0
            while index < offer.count {
                let length = Int(offer[index])
                let end = index + 1 + length
                guard length > 0, end <= offer.count else { break }
                if offer[(index + 1)..<end].elementsEqual(candidate.rawValue.utf8) {
                    // OpenSSL copies it before the client's list goes away.
                    chosen?.pointee = offer.baseAddress.map { $0 + index + 1 }
                    count?.pointee = UInt8(length)
                    return SSL_TLSEXT_ERR_OK
                }
                index = end
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}

extension TicketKeys {
    /// Prepares to write a ticket; `SSL_CTX_set_tlsext_ticket_key_evp_cb(3)` says what is returned.
    fileprivate func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
        _ mac: OpaquePointer?
    ) -> Int32 {
        let key = sealing()
        guard RAND_bytes(vector, Int32(EVP_MAX_IV_LENGTH)) == 1 else { return -1 }
        key.name.withBytes { bytes in
            if let start = bytes.baseAddress { memcpy(name, start, Self.nameBytes) }
        }
        return Self.begin(key, vector, cipher, mac, seals: 1) ? 1 : -1
    }

    /// Prepares to read a ticket.
    fileprivate func open(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
        _ mac: OpaquePointer?
    ) -> Int32 {
        switch opening(UnsafeRawBufferPointer(start: name, count: Self.nameBytes)) {
        case .unknown: return 0
        case .current(let key): return Self.begin(key, vector, cipher, mac, seals: 0) ? 1 : -1
        case .previous(let key): return Self.begin(key, vector, cipher, mac, seals: 0) ? 2 : -1
        }
    }

    private static func begin(
        _ key: Key, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?,
        seals: Int32
    ) -> Bool {
        key.cipher.withBytes { cipherKey in
            key.mac.withBytes { macKey in
                farebox_ticket_begin(
                    cipher, mac, cipherKey.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    macKey.baseAddress?.assumingMemoryBound(to: UInt8.self), vector, seals) == 1
            }
        }
    }
}
