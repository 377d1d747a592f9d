import NIOCore
import Primitives
import Testing
import Transport

@testable import Proxy

/// What crosses the proxy and what does not.
@Suite("Forwarding")
struct ForwardingTests {
    private func request(_ text: String) throws -> RequestHead {
        var input = ByteBuffer(string: text)
        var head = RequestHead()
        var parser = RequestHeadParser()
        let outcome = parser.parse(&input, into: &head)
        try #require(outcome == .complete, "\(outcome)")
        return head
    }

    private func response(_ text: String) throws -> ResponseHead {
        var input = ByteBuffer(string: text)
        var head = ResponseHead()
        var parser = ResponseHeadParser()
        let outcome = parser.parse(&input, method: .get, into: &head)
        try #require(outcome == .complete, "\(outcome)")
        return head
    }

    private func forwarded(
        _ text: String, target: ForwardedTarget = .asReceived, form: ForwardedForm = .x,
        trust: ProxyTrust = ProxyTrust()
    ) throws -> [String] {
        var upstream = UpstreamConfiguration(name: "api", address: .host("10.0.0.1", port: 9000))
        upstream.forwarded = form
        let head = try request(text)
        let peer = DownstreamPeer(remoteAddress: try SocketAddress(ipAddress: "192.0.2.7", port: 5))
        let buffer = ForwardedHead.build(
            head, target: target, client: trust.identify(head, peer: peer), upstream: upstream, in: ByteBuffer())
        return String(buffer: buffer).split(separator: "\r\n").map(String.init)
    }

    @Test(
        "a trusted proxy's client goes on with the proxies in between, and without what it says itself",
        arguments: [
            (
                "X-Forwarded-For: 6.6.6.6, 2001:db8::1, 192.0.2.8\r\nX-Forwarded-Proto: https\r\n"
                    + "X-Forwarded-Host: Api.Example:8443\r\n", ForwardedForm.x,
                [
                    "x-forwarded-for: 2001:db8::1, 192.0.2.8, 192.0.2.7", "x-real-ip: 2001:db8::1",
                    "x-forwarded-proto: https",
                    "x-forwarded-host: Api.Example:8443",
                ]
            ),
            (
                "X-Forwarded-For: 2001:db8::1, 192.0.2.8\r\nX-Forwarded-Proto: https\r\n", .rfc7239,
                [#"forwarded: for="[2001:db8::1]";proto=https;host="h", for=192.0.2.8, for=192.0.2.7"#]
            ),
            (
                "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Host: not a host\r\n", .both,
                [
                    "x-forwarded-for: 203.0.113.5, 192.0.2.7", "x-real-ip: 203.0.113.5", "x-forwarded-proto: http",
                    "x-forwarded-host: h",
                    #"forwarded: for=203.0.113.5;proto=http;host="h", for=192.0.2.7"#,
                ]
            ),
            ("X-Forwarded-For: nonsense\r\n", .rfc7239, [#"forwarded: for=192.0.2.7;proto=http;host="h""#]),
        ])
    func trustedProxy(fields: String, form: ForwardedForm, expected: [String]) throws {
        let trust = ProxyTrust(peers: TrustedPeers(blocks: CIDRSet([try CIDRBlock("192.0.2.0/24")])))
        let lines = try forwarded("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n", form: form, trust: trust)
        #expect(lines == ["GET / HTTP/1.1", "Host: h"] + expected)
    }

    private static let ours = [
        "x-forwarded-for: 192.0.2.7", "x-real-ip: 192.0.2.7", "x-forwarded-proto: http", "x-forwarded-host: h",
    ]

    @Test(
        "a field of a request is dropped on its way upstream",
        arguments: [
            "Connection: keep-alive", "Keep-Alive: 5", "Proxy-Connection: close", "TE: trailers", "Upgrade: websocket",
            "Proxy-Authorization: x", "Expect: 100-continue", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT",
            "X-Method-Override: PUT", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil", "X-Forwarded-Port: 1", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4",
            "PAYMENT-SIGNATURE: abc", "X-PAYMENT: abc", "X-Payment-Response: abc", "PAYMENT-RESPONSE: abc",
            "PAYMENT-REQUIRED: abc", "X-Payment-Required: abc", "Payment-Grant: abc", "Payment-Retry: 1",
            "SIGN-IN-WITH-X: abc", "Settlement-Overrides: {}", "X-Farebox-Payer: 0x1", "x-farebox-anything: 1",
        ])
    func dropped(line: String) throws {
        let lines = try forwarded("GET /a?b HTTP/1.1\r\nHost: h\r\n\(line)\r\nAccept: */*\r\n\r\n")
        #expect(Set(lines) == Set(["GET /a?b HTTP/1.1", "Host: h", "Accept: */*"] + Self.ours))
    }

    @Test("a field named in Connection is dropped, another that is not named stays")
    func nominated() throws {
        let lines = try forwarded("GET / HTTP/1.1\r\nHost: h\r\nConnection: X-A, close\r\nX-A: 1\r\nX-B: 2\r\n\r\n")
        #expect(!lines.contains("X-A: 1"))
        #expect(lines.contains("X-B: 2"))
    }

    @Test("Connection cannot strip what the proxy adds")
    func nominationOfOurs() throws {
        let lines = try forwarded("GET / HTTP/1.1\r\nHost: h\r\nConnection: x-forwarded-for\r\n\r\n")
        #expect(lines.contains("x-forwarded-for: 192.0.2.7"))
    }

    @Test(
        "the host goes on as it was matched, in one spelling",
        arguments: [
            ("API.Example.com", "api.example.com"), ("h.", "h"), ("H.:8080", "h:8080"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
        ])
    func hosts(sent: String, forwarded expected: String) throws {
        let lines = try forwarded("GET / HTTP/1.1\r\nHost: \(sent)\r\n\r\n")
        #expect(lines.filter { $0.lowercased().hasPrefix("host:") } == ["host: \(expected)"])
        #expect(lines.contains("x-forwarded-host: \(expected)"))
    }

    @Test("the request line carries the canonical target and version 1.1")
    func requestLines() throws {
        #expect(try forwarded("GET /a HTTP/1.0\r\n\r\n").first == "GET /a HTTP/1.1")
        #expect(try forwarded("GET /a HTTP/1.0\r\n\r\n").contains("host: 10.0.0.1:9000"))
        let rewritten = try forwarded("GET /%61 HTTP/1.1\r\nHost: h\r\n\r\n", target: .rewritten(Array("/a".utf8)))
        #expect(rewritten.first == "GET /a HTTP/1.1")
        let absolute = try forwarded("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", target: .part(8..<10))
        #expect(absolute.first == "GET /x HTTP/1.1")
    }

    @Test(
        "a field of an answer is dropped on its way downstream",
        arguments: [
            "PAYMENT-RESPONSE: forged", "X-PAYMENT-RESPONSE: forged", "PAYMENT-REQUIRED: forged",
            "X-Payment-Required: forged", "Settlement-Overrides: {}", "Payment-Grant: forged", "Keep-Alive: 5",
            "Connection: keep-alive", "Transfer-Encoding: chunked",
        ])
    func droppedFromAnswers(line: String) throws {
        let head = try response("HTTP/1.1 200 OK\r\nServer: up\r\n\(line)\r\n\r\n")
        let buffer = ReturnedHead.build(head, isPriced: false, isPaid: false, in: ByteBuffer()) { _ in }
        #expect(String(buffer: buffer) == "HTTP/1.1 200 OK\r\nServer: up\r\n")
    }

    @Test(
        "a paid answer is kept out of shared caches",
        arguments: [
            ("", "private"), ("Cache-Control: public, max-age=60\r\n", "max-age=60, private"),
            ("Cache-Control: PUBLIC\r\n", "private"),
            ("Cache-Control: s-maxage=9, max-age=1\r\n", "max-age=1, private"),
            ("Cache-Control: private\r\n", "private"), ("Cache-Control: no-store\r\n", "no-store, private"),
            ("Cache-Control: max-age=1\r\nCache-Control: s-maxage=5\r\n", "max-age=1, private"),
            ("Cache-Control: private=\"a, public\"\r\n", "private=\"a, public\", private"),
        ])
    func cacheControl(fields: String, expected: String) throws {
        let head = try response("HTTP/1.1 200 OK\r\n\(fields)\r\n")
        let buffer = ReturnedHead.build(head, isPriced: true, isPaid: true, in: ByteBuffer()) {
            $0.writeStaticString("x: y\r\n")
        }
        let lines = String(buffer: buffer).split(separator: "\r\n")
        #expect(lines.filter { $0.lowercased().hasPrefix("cache-control") } == ["cache-control: \(expected)"])
        #expect(lines.contains("x: y"))
        #expect(lines.contains { $0.hasPrefix("access-control-expose-headers: PAYMENT-REQUIRED, PAYMENT-RESPONSE") })
    }

    @Test("an HTTP/1.0 answer goes on as HTTP/1.1")
    func oldUpstream() throws {
        let head = try response("HTTP/1.0 404 Not here\r\nA: b\r\n\r\n")
        let buffer = ReturnedHead.build(head, isPriced: false, isPaid: false, in: ByteBuffer()) { _ in }
        #expect(String(buffer: buffer) == "HTTP/1.1 404 Not here\r\nA: b\r\n")
    }

    @Test("numbers are written in decimal", arguments: [0, 1, 9, 10, 99, 100, 12345, UInt64(Int64.max), UInt64.max])
    func decimals(number: UInt64) {
        var buffer = ByteBuffer()
        buffer.writeDecimal(number)
        #expect(String(buffer: buffer) == String(number))
    }

    @Test("addresses are written without a port, and IPv6 is proven by its /64")
    func addresses() throws {
        var buffer = ByteBuffer()
        ClientAddress(IPAddress("203.0.113.255")).write(to: &buffer)
        buffer.writeStaticString(" ")
        ClientAddress(IPAddress("2001:db8::1")).write(to: &buffer)
        buffer.writeStaticString(" ")
        ClientAddress(nil).write(to: &buffer)
        #expect(String(buffer: buffer) == "203.0.113.255 2001:db8::1 unknown")

        let key = Keccak256.hash("a key")
        let one = ClientAddress(IPAddress("2001:db8::1")).hash(key: key)
        let neighbour = ClientAddress(IPAddress("2001:db8::ffff")).hash(key: key)
        let stranger = ClientAddress(IPAddress("2001:db8:0:1::1")).hash(key: key)
        #expect(one != nil && one == neighbour && one != stranger)
        let four = ClientAddress(IPAddress("203.0.113.1")).hash(key: key)
        let fourNeighbour = ClientAddress(IPAddress("203.0.113.2")).hash(key: key)
        #expect(four != fourNeighbour)
        #expect(ClientAddress(nil).hash(key: key) == nil)
        let mapped = ClientAddress(IPAddress("::ffff:203.0.113.1")).hash(key: key)
        let mappedNeighbour = ClientAddress(IPAddress("::ffff:203.0.113.2")).hash(key: key)
        #expect(mapped == four && mappedNeighbour == fourNeighbour)
    }

    private func returned(_ fields: String, _ policy: ReturnPolicy, isPaid: Bool = false) throws -> [String] {
        let head = try response("HTTP/1.1 302 Found\r\n\(fields)\r\n")
        let buffer = ReturnedHead.build(head, isPriced: false, isPaid: isPaid, policy: policy, in: ByteBuffer()) { _ in
        }
        return String(buffer: buffer).split(separator: "\r\n").dropFirst().map(String.init)
    }

    @Test("a route keeps fields of its answers to itself, known ones and others, in any case")
    func scrub() throws {
        let fields = "Set-Cookie: a\r\nX-Internal: b\r\nX-Internal-Not: c\r\nset-cookie: d\r\nServer: e\r\n"
        #expect(
            try returned(fields, ReturnPolicy(scrub: ["SET-Cookie", "x-internal"])) == [
                "X-Internal-Not: c", "Server: e",
            ]
        )
        #expect(try returned(fields, ReturnPolicy(scrub: ["location"])).count == 5)
    }

    @Test(
        "the upstream's own origin is replaced in Location, and no other",
        arguments: [
            ("http://10.0.0.1:9000/a?b", "https://api.example.com/a?b"),
            ("HTTP://10.0.0.1:9000", "https://api.example.com"),
            ("http://10.0.0.1:9000?q", "https://api.example.com?q"),
            ("http://10.0.0.1:9000//evil.example", "https://api.example.com//evil.example"),
            ("http://10.0.0.1:9000@evil.example", "http://10.0.0.1:9000@evil.example"),
            ("http://10.0.0.1:90001/", "http://10.0.0.1:90001/"), ("/a", "/a"), ("", ""),
        ])
    func location(sent: String, expected: String) throws {
        let policy = ReturnPolicy(ownOrigins: ["http://10.0.0.1:9000"], publicOrigin: "https://api.example.com")
        #expect(
            try returned("X-A: 1\r\nLocation: \(sent)\r\nX-B: 2\r\n", policy)
                == ["X-A: 1", "X-B: 2", "location: \(expected)"])
        #expect(
            try returned("Location: \(sent)\r\n", ReturnPolicy(scrub: ["location"], ownOrigins: ["http://x"])) == [])
    }
}
