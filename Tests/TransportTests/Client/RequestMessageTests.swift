import NIOCore
import Testing

@testable import Transport

@Suite("Writing a request")
struct RequestMessageTests {
    private func written(_ request: OutgoingRequest) throws -> String {
        String(buffer: try RequestMessage(request).bytes)
    }

    @Test("A GET has a host and our name, and no length")
    func get() throws {
        let url = try #require(OutgoingURL("http://a.example:8080/p?q=1"))
        #expect(
            try written(OutgoingRequest(url: url, headers: [("accept", "application/json")]))
                == "GET /p?q=1 HTTP/1.1\r\nhost: a.example:8080\r\naccept: application/json\r\nuser-agent: farebox\r\n\r\n"
        )
    }

    @Test("A POST has a length, even of zero")
    func post() throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        let full = try written(OutgoingRequest(method: "POST", url: url, body: Array("{}".utf8)))
        #expect(full.hasSuffix("content-length: 2\r\n\r\n{}"))
        #expect(try written(OutgoingRequest(method: "POST", url: url)).hasSuffix("content-length: 0\r\n\r\n"))
    }

    @Test("A caller's own user agent takes the place of ours")
    func userAgent() throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        let text = try written(OutgoingRequest(url: url, headers: [("User-Agent", "probe")]))
        #expect(text.contains("User-Agent: probe\r\n"))
        #expect(!text.contains("farebox"))
    }

    @Test(
        "Nothing that could change the framing is sent",
        arguments: [
            ("x", "a\r\nhost: b"), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\u{0}b"), ("x", "a\u{7F}"), ("x", "a\u{1}"),
            ("", "a"), ("x y", "a"), ("x:", "a"), ("x\r\ny", "a"), ("x\u{0}", "a"), ("ü", "a"), ("Host", "b"),
            ("Content-Length", "1"), ("transfer-encoding", "chunked"), ("CONNECTION", "close"), ("te", "trailers"),
            ("Upgrade", "h2c"), ("expect", "100-continue"), ("trailer", "x"), ("keep-alive", "1"),
            ("proxy-connection", "close"),
        ])
    func refusesHeader(_ name: String, _ value: String) throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        let error = #expect(throws: TransportError.self) {
            try RequestMessage(OutgoingRequest(url: url, headers: [(name, value)]))
        }
        #expect(error?.code == .invalidRequest)
        #expect(error?.mayHaveBeenSent == false)
        #expect(error?.detail?.contains("a\r\n") == false)
    }

    @Test("A method that is no token is not sent", arguments: ["", "GET /x", "GET\r\n", "G\u{0}T", "CONNECT", "GÉT"])
    func refusesMethod(_ method: String) throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        let error = #expect(throws: TransportError.self) {
            try RequestMessage(OutgoingRequest(method: method, url: url))
        }
        #expect(error?.code == .invalidRequest)
    }

    @Test("A head over 64 KiB is not sent")
    func refusesLargeHead() throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        let value = String(repeating: "x", count: RequestMessage.maxHeadBytes)
        let error = #expect(throws: TransportError.self) {
            try RequestMessage(OutgoingRequest(url: url, headers: [("x", value)]))
        }
        #expect(error?.code == .invalidRequest)
    }

    @Test(
        "The method decides what may be sent twice, unless the caller does",
        arguments: [("GET", true), ("HEAD", true), ("PUT", true), ("DELETE", true), ("POST", false), ("PATCH", false)])
    func idempotence(_ method: String, _ expected: Bool) throws {
        let url = try #require(OutgoingURL("https://a.example/"))
        #expect(try RequestMessage(OutgoingRequest(method: method, url: url)).isIdempotent == expected)
        let opposite = OutgoingRequest(method: method, url: url, isIdempotent: !expected)
        #expect(try RequestMessage(opposite).isIdempotent == !expected)
    }
}
