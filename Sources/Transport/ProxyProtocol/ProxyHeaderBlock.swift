/// The PROXY header of version 2: a binary block (§2.2).
enum ProxyHeaderBlock {
    private static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
    /// Signature, version and command, family and transport, length of the rest.
    private static let fixedBytes = 16
    /// Type and length of an extension.
    private static let extensionBytes = 3
    private static let checksumType: UInt8 = 0x03

    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader.ParseOutcome {
        guard ProxyHeader.begins(bytes, with: signature) else { return .invalid(.noSignature) }
        guard bytes.count >= fixedBytes else { return .incomplete }
        guard bytes[12] >> 4 == 2 else { return .invalid(.version) }
        let command = bytes[12] & 15
        guard command <= 1 else { return .invalid(.command) }
        let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= ProxyHeader.maxBytes else { return .invalid(.tooLong) }
        guard bytes.count >= length else { return .incomplete }
        // What comes with a connection of the proxy itself is passed over (§2.2, LOCAL).
        if command == 0 { return .complete(.local, length: length) }
        return proxied(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
    }

    private static func proxied(_ header: UnsafeRawBufferPointer) -> ProxyHeader.ParseOutcome {
        let (family, transport) = (header[13] >> 4, header[13] & 15)
        let told: ProxyHeader
        let addressBytes: Int
        switch (family, transport) {
        case (0, 0...2): (told, addressBytes) = (.local, 0)
        case (1, 1):
            addressBytes = 12
            guard header.count >= fixedBytes + addressBytes else { return .invalid(.length) }
            told = .proxied(
                source: endpoint(header, v4At: 16, portAt: 24), destination: endpoint(header, v4At: 20, portAt: 26))
        case (2, 1):
            addressBytes = 36
            guard header.count >= fixedBytes + addressBytes else { return .invalid(.length) }
            told = .proxied(
                source: endpoint(header, v6At: 16, portAt: 48), destination: endpoint(header, v6At: 32, portAt: 50))
        case (3, 1):
            addressBytes = 216
            guard header.count >= fixedBytes + addressBytes else { return .invalid(.length) }
            let socket = ProxyHeader.Endpoint(address: nil, port: 0)
            told = .proxied(source: socket, destination: socket)
        default: return .invalid(.family)
        }
        // Of a family that is not told nothing says where extensions begin.
        if family != 0, let mistake = mistake(inExtensionsOf: header, from: fixedBytes + addressBytes) {
            return .invalid(mistake)
        }
        return .complete(told, length: header.count)
    }

    private static func endpoint(_ header: UnsafeRawBufferPointer, v4At start: Int, portAt port: Int)
        -> ProxyHeader.Endpoint
    {
        let address = UInt32(bigEndian: header.loadUnaligned(fromByteOffset: start, as: UInt32.self))
        return ProxyHeader.Endpoint(address: IPAddress(v4: address), port: self.port(header, port))
    }

    private static func endpoint(_ header: UnsafeRawBufferPointer, v6At start: Int, portAt port: Int)
        -> ProxyHeader.Endpoint
    {
        let bits = UInt128(bigEndian: header.loadUnaligned(fromByteOffset: start, as: UInt128.self))
        return ProxyHeader.Endpoint(address: IPAddress(bits: bits), port: self.port(header, port))
    }

    private static func port(_ header: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
        UInt16(bigEndian: header.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Extensions are passed over by their lengths; a checksum among them must be right (§2.2.3).
    private static func mistake(
        inExtensionsOf header: UnsafeRawBufferPointer, from start: Int
    ) -> ProxyHeader.Mistake? {
        var index = start
        while index < header.count {
            guard header.count - index >= extensionBytes else { return .extensions }
            let length = Int(header[index + 1]) << 8 + Int(header[index + 2])
            let value = index + extensionBytes
            guard header.count - value >= length else { return .extensions }
            if header[index] == checksumType {
                guard length == 4 else { return .extensions }
                let stated = UInt32(bigEndian: header.loadUnaligned(fromByteOffset: value, as: UInt32.self))
                guard CRC32C.checksum(header, zeroing: value..<(value + 4)) == stated else { return .checksum }
            }
            index = value + length
        }
        return nil
    }
}

/// The checksum of RFC 9260, Appendix A.
enum CRC32C {
    /// Over the bytes as if those of a range were zero; bit by bit, since a header is short.
    static func checksum(_ bytes: UnsafeRawBufferPointer, zeroing zeroed: Range<Int> = 0..<0) -> UInt32 {
        var register = UInt32.max
        for index in bytes.indices {
            register ^= zeroed.contains(index) ? 0 : UInt32(bytes[index])
            for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 0 ? 0 : 0x82F6_3B78) }
        }
        return ~register
    }
}
