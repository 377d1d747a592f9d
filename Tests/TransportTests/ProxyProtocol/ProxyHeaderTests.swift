import Testing

@testable import Transport

@Suite("PROXY headers")
struct ProxyHeaderTests {
    private func parse(_ bytes: [UInt8]) -> ProxyHeader.ParseOutcome {
        bytes.withUnsafeBytes { ProxyHeader.parse($0) }
    }

    private func parse(_ text: String) -> ProxyHeader.ParseOutcome { parse(Array(text.utf8)) }

    private func proxied(_ source: String, _ port: UInt16, _ destination: String, _ destinationPort: UInt16)
        -> ProxyHeader
    {
        .proxied(
            source: ProxyHeader.Endpoint(address: IPAddress(source), port: port),
            destination: ProxyHeader.Endpoint(address: IPAddress(destination), port: destinationPort))
    }

    // MARK: Version 1

    @Test("version 1 tells both ends, and ends at its line")
    func lines() {
        let v4 = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n"
        #expect(
            parse(v4 + "GET / HTTP/1.1\r\n")
                == .complete(proxied("192.0.2.7", 56324, "10.0.0.1", 443), length: v4.utf8.count))
        let v6 = "PROXY TCP6 2001:db8::7 ::1 0 65535\r\n"
        #expect(parse(v6) == .complete(proxied("2001:db8::7", 0, "::1", 65535), length: v6.utf8.count))
        for text in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 whatever it is\r\n"] {
            #expect(parse(text) == .complete(.local, length: text.utf8.count))
        }
    }

    @Test(
        "a line that is not exactly one is refused",
        arguments: [
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\n", "PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 1\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1  56324 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 \r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 056 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 -1 443\r\n",
            "PROXY TCP4 2001:db8::7 ::1 1 2\r\n", "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY tcp4 192.0.2.7 10.0.0.1 1 2\r\n", "PROXY \r\n", "PROXY  TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n", "PROXY UNKNOWNX\r\n", "PROXY TCP4\r\n", "PROXY \n",
        ])
    func malformedLines(text: String) {
        #expect(parse(text) == .invalid(.malformedLine))
    }

    @Test("a line has 107 bytes at most, and anything else is no header")
    func bounds() {
        #expect(parse("PROXY UNKNOWN" + String(repeating: "x", count: 93)) == .incomplete)
        #expect(parse("PROXY UNKNOWN" + String(repeating: "x", count: 94)) == .invalid(.tooLong))
        #expect(parse("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n") == .complete(.local, length: 107))
        for text in ["GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "PROXX", "\u{16}\u{3}\u{1}", "\r\n\r\nG"] {
            #expect(parse(text) == .invalid(.noSignature))
        }
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    private func block(_ version: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        Self.signature + [version, family, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    private static let v4: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 0xBB]
    private static let v6: [UInt8] =
        [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 15) + [
            1, 0, 1, 0, 2,
        ]

    @Test("version 2 tells both ends in each family, and passes its extensions over")
    func blocks() {
        let v4 = block(0x21, 0x11, Self.v4)
        #expect(parse(v4 + [1, 2, 3]) == .complete(proxied("192.0.2.7", 0x1267, "10.0.0.1", 443), length: 28))
        let v6 = block(0x21, 0x21, Self.v6)
        #expect(parse(v6) == .complete(proxied("2001:db8::7", 1, "::1", 2), length: 52))
        let unix = block(0x21, 0x31, [UInt8](repeating: 1, count: 216))
        let socket = ProxyHeader.Endpoint(address: nil, port: 0)
        #expect(parse(unix) == .complete(.proxied(source: socket, destination: socket), length: 232))
        let extended = block(0x21, 0x11, Self.v4 + [0x04, 0, 0] + [0xEA, 0, 2, 1, 2])
        #expect(parse(extended) == .complete(proxied("192.0.2.7", 0x1267, "10.0.0.1", 443), length: 36))
        for body in [[], Self.v4, [1, 2, 3]] {
            #expect(parse(block(0x20, 0x11, body)) == .complete(.local, length: 16 + body.count))
            #expect(parse(block(0x21, 0x00, body)) == .complete(.local, length: 16 + body.count))
        }
    }

    @Test("a checksum among the extensions must be right")
    func checksum() {
        #expect(Array("123456789".utf8).withUnsafeBytes { CRC32C.checksum($0) } == 0xE306_9283)
        var bytes = block(0x21, 0x11, Self.v4 + [0x03, 0, 4, 0, 0, 0, 0] + [0x04, 0, 1, 9])
        let sum = bytes.withUnsafeBytes { CRC32C.checksum($0) }
        for index in 0..<4 { bytes[31 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
        #expect(parse(bytes) == .complete(proxied("192.0.2.7", 0x1267, "10.0.0.1", 443), length: bytes.count))
        bytes[16] ^= 1
        #expect(parse(bytes) == .invalid(.checksum))
    }

    @Test("a block that is not exactly one is refused")
    func malformedBlocks() {
        #expect(parse(block(0x11, 0x11, Self.v4)) == .invalid(.version))
        #expect(parse(block(0x31, 0x11, Self.v4)) == .invalid(.version))
        #expect(parse(block(0x22, 0x11, Self.v4)) == .invalid(.command))
        for family: UInt8 in [0x10, 0x12, 0x13, 0x22, 0x41, 0xF1, 0x32, 0x03] {
            #expect(parse(block(0x21, family, [UInt8](repeating: 0, count: 216))) == .invalid(.family))
        }
        #expect(parse(block(0x21, 0x11, Array(Self.v4.dropLast()))) == .invalid(.length))
        #expect(parse(block(0x21, 0x21, Self.v4)) == .invalid(.length))
        #expect(parse(block(0x21, 0x31, Self.v6)) == .invalid(.length))
        for rest: [UInt8] in [[4], [4, 0], [4, 0, 1], [4, 0, 0, 4], [3, 0, 3, 1, 2, 3]] {
            #expect(parse(block(0x21, 0x11, Self.v4 + rest)) == .invalid(.extensions))
        }
    }

    @Test("a long block is refused by its length, before it is waited for")
    func longBlock() {
        #expect(parse(Self.signature + [0x21, 0x11, 0xFF, 0xFF]) == .invalid(.tooLong))
        #expect(parse(block(0x20, 0, [UInt8](repeating: 0, count: 4080))) == .complete(.local, length: 4096))
        #expect(parse(block(0x20, 0, [UInt8](repeating: 0, count: 4081))) == .invalid(.tooLong))
    }

    @Test("every beginning of a header is incomplete, and the rest changes nothing")
    func pieces() {
        for whole in [Array("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n".utf8), block(0x21, 0x21, Self.v6)] {
            for count in 0..<whole.count { #expect(parse(Array(whole[..<count])) == .incomplete) }
            #expect(parse(whole) == parse(whole + whole) && parse(whole) != .incomplete)
        }
    }
}
