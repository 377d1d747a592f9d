import NIOCore
import Testing
import Transport

@testable import Proxy

/// Which protocols are asked for, and which answers switch to them.
@Suite("Upgrades")
struct ProtocolUpgradeTests {
    static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    private func asked(
        _ fields: String, line: String = "GET / HTTP/1.1", allowed: UpgradeSet = .webSocket
    ) throws -> ProtocolUpgrade? {
        var input = ByteBuffer(string: "\(line)\r\nHost: h\r\n\(fields)\r\n")
        var head = RequestHead()
        var parser = RequestHeadParser()
        try #require(parser.parse(&input, into: &head) == .complete)
        return ProtocolUpgrade(head, allowed: allowed)
    }

    private func answer(_ fields: String) throws -> ResponseHead {
        var input = ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\n\(fields)\r\n")
        var head = ResponseHead()
        var parser = ResponseHeadParser()
        try #require(parser.parse(&input, method: .get, into: &head) == .complete)
        return head
    }

    private func sent(_ upgrade: ProtocolUpgrade?) -> String? {
        var buffer = ByteBuffer()
        guard let upgrade else { return nil }
        upgrade.writeRequest(to: &buffer)
        return String(buffer: buffer)
    }

    @Test(
        "the first protocol that is admitted is asked for, alone and as it was spelled",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"),
            ("Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n", "WebSocket"),
            ("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n", "websocket"),
            ("Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", "websocket"),
        ])
    func token(fields: String, expected: String) throws {
        let upgrade = try asked(Self.key + fields)
        #expect(sent(upgrade) == "connection: upgrade\r\nupgrade: \(expected)\r\n")
    }

    @Test(
        "a request that asks for nothing admitted is forwarded as any other",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: h2c\r\n", "GET / HTTP/1.1"),
            ("Upgrade: websocket\r\n", "GET / HTTP/1.1"),
            ("Connection: Upgrade\r\n", "GET / HTTP/1.1"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", "GET / HTTP/1.0"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", "POST / HTTP/1.1"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", "GET / HTTP/1.1"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", "GET / HTTP/1.1"),
            ("Connection: Upgrade\r\nUpgrade: websocket/13\r\n", "GET / HTTP/1.1"),
        ])
    func nothing(fields: String, line: String) throws {
        #expect(try asked(Self.key + fields, line: line) == nil)
    }

    @Test("a WebSocket needs its key, once")
    func keys() throws {
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        #expect(try asked(fields) == nil)
        #expect(try asked(fields + "Sec-WebSocket-Key: short\r\n") == nil)
        #expect(try asked(fields + Self.key + Self.key) == nil)
    }

    @Test("other protocols where they are listed, with any method but HEAD")
    func listed() throws {
        let fields = "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n"
        #expect(try asked(fields, line: "POST / HTTP/1.1", allowed: UpgradeSet(["TCP"])) != nil)
        #expect(try asked(fields, line: "HEAD / HTTP/1.1", allowed: UpgradeSet(["tcp"])) == nil)
        #expect(try asked(fields, line: "POST / HTTP/1.1") == nil)
        #expect(try asked(fields, allowed: UpgradeSet([])) == nil)
    }

    @Test(
        "a 101 counts for the protocol that was asked for, and with the key's answer (RFC 6455 §1.3)",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n" + accept, true),
            ("Connection: upgrade\r\nUpgrade: WebSocket\r\n" + accept, true),
            ("Upgrade: websocket\r\n" + accept, false),
            ("Connection: Upgrade\r\n" + accept, false),
            ("Connection: Upgrade\r\nUpgrade: h2c\r\n" + accept, false),
            ("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + accept, false),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n" + accept, false),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", false),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n", false),
        ])
    func confirmed(fields: String, expected: Bool) throws {
        let upgrade = try #require(try asked(Self.key + "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        #expect(try upgrade.isConfirmed(by: answer(fields)) == expected)
    }
}
