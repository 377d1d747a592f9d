import NIOCore
import Testing

@testable import Transport

@Suite("Collecting a response")
struct ResponseCollectorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        var method = Transport.Method.get
        var status = 200
        let body: String
        var reusable = true
        var endsWithConnection = false
        var testDescription: String { name }
    }

    static let complete: [Case] = [
        Case(name: "fixed length", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", body: "hello"),
        Case(name: "empty", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", body: ""),
        Case(name: "no content", bytes: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, body: ""),
        Case(
            name: "HEAD", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", method: .head, body: ""),
        Case(
            name: "chunked",
            bytes:
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: 1\r\n\r\n",
            body: "hello world"),
        Case(
            name: "informational first",
            bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
                + "HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}",
            status: 402, body: "{}"),
        Case(
            name: "said to close", bytes: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            body: "ok", reusable: false),
        Case(
            name: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", body: "ok", reusable: false),
        Case(
            name: "until the end", bytes: "HTTP/1.1 200 OK\r\n\r\nall of it", body: "all of it", reusable: false,
            endsWithConnection: true),
    ]

    @Test("A complete response is collected, in one piece or byte by byte", arguments: complete, [1, 7, 4096])
    func collects(_ expected: Case, _ step: Int) throws {
        var collector = ResponseCollector(method: expected.method, maxBodyBytes: 64, limits: OutgoingLimits())
        var last = ResponseCollector.Step.incomplete
        let bytes = Array(expected.bytes.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            guard case .incomplete = last else { break }
            last = collector.received(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
        }
        if expected.endsWithConnection {
            guard case .incomplete = last else { Issue.record("ended before the connection: \(last)"); return }
            last = collector.inputEnded()
        }
        guard case .complete(let response, let reusable) = last else {
            Issue.record("not complete: \(last)")
            return
        }
        #expect(response.status == expected.status)
        #expect(String(decoding: response.body, as: UTF8.self) == expected.body)
        #expect(reusable == expected.reusable)
    }

    @Test("Bytes behind a response forbid another request on the connection")
    func trailingBytes() throws {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        let step = collector.received(ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200"))
        guard case .complete(let response, let reusable) = step else {
            Issue.record("not complete: \(step)")
            return
        }
        #expect(response.body == Array("ok".utf8))
        #expect(!reusable)
    }

    @Test(
        "A body over the limit is refused when it is known, not when it is complete",
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n" + String(repeating: "x", count: 64)
                + "\r\n1\r\ny",
            "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 65),
        ])
    func tooLarge(_ bytes: String) {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        let step = collector.received(ByteBuffer(string: bytes))
        guard case .failed(let error) = step else { Issue.record("not refused: \(step)"); return }
        #expect(error.code == .responseTooLarge)
    }

    @Test(
        "A body of exactly the limit is taken",
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n" + String(repeating: "x", count: 64),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n" + String(repeating: "x", count: 64)
                + "\r\n0\r\n\r\n",
        ])
    func exactlyTheLimit(_ bytes: String) {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        let step = collector.received(ByteBuffer(string: bytes))
        guard case .complete(let response, _) = step else { Issue.record("not complete: \(step)"); return }
        #expect(response.body.count == 64)
    }

    @Test(
        "A response that breaks the grammar is malformed",
        arguments: [
            "\u{0}\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
            "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxy\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 9),
        ])
    func malformed(_ bytes: String) {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        let step = collector.received(ByteBuffer(string: bytes))
        guard case .failed(let error) = step else { Issue.record("not refused: \(step)"); return }
        #expect(error.code == .malformedResponse)
    }

    @Test("A head over its limit is too large")
    func headTooLarge() {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        let step = collector.received(
            ByteBuffer(string: "HTTP/1.1 200 OK\r\nx: " + String(repeating: "y", count: 16 << 10)))
        guard case .failed(let error) = step else { Issue.record("not refused: \(step)"); return }
        #expect(error.code == .responseTooLarge)
    }

    @Test(
        "A connection that ends too early is no response",
        arguments: [
            "", "HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ])
    func endsEarly(_ bytes: String) {
        var collector = ResponseCollector(method: .get, maxBodyBytes: 64, limits: OutgoingLimits())
        guard case .incomplete = collector.received(ByteBuffer(string: bytes)) else {
            Issue.record("complete or failed too early")
            return
        }
        guard case .failed(let error) = collector.inputEnded() else { Issue.record("taken for complete"); return }
        #expect(error.code == .connectionClosed)
    }
}
