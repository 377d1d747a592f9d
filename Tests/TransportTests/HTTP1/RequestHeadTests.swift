import NIOCore
import Testing

@testable import Transport

/// What a parser said about some bytes, in comparable form.
struct ParsedRequest: Equatable {
    var outcome: HeadParseOutcome
    var method = ""
    var target = ""
    var fields: [String] = []
    var body: BodyFraming = .none
    var keepAlive = false
    var left = ""

    /// Feeds the pieces one after the other until the parser has decided.
    init(_ pieces: [[UInt8]], limits: HeadLimits = HeadLimits()) {
        var parser = RequestHeadParser(limits: limits)
        var input = ByteBuffer()
        var head = RequestHead()
        outcome = .incomplete
        var rest: [UInt8] = []
        for piece in pieces {
            guard outcome == .incomplete else {
                rest += piece
                continue
            }
            input.writeBytes(piece)
            outcome = parser.parse(&input, into: &head)
        }
        guard outcome == .complete else { return }
        method = head.string(head.methodRange)
        target = head.string(head.targetRange)
        fields = head.fields.map { "\(head.string($0.name))=\(head.string($0.value))" }
        body = head.body
        keepAlive = head.keepAlive
        left = String(decoding: Array(input.readableBytesView) + rest, as: UTF8.self)
    }

    init(_ text: String, limits: HeadLimits = HeadLimits()) {
        self.init([Array(text.utf8)], limits: limits)
    }
}

private let host = "Host: a\r\n"

/// Heads that are accepted, with what is read from them.
private let accepted:
    [(text: String, method: String, target: String, fields: [String], body: BodyFraming, keep: Bool)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", ["Host=a"], .none, true),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", ["Host=a"], .none, true),
        ("GET http://h/x?y#z HTTP/1.1\r\nhOsT:h:80\r\n\r\n", "GET", "http://h/x?y#z", ["hOsT=h:80"], .none, true),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS", "*", ["Host="], .none, true),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT", "a:443", ["Host=a"], .none, true),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get", "/", ["Host=a"], .none, true),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH", "/", ["Host=a"], .none, true),
        ("GET / HTTP/1.0\r\n\r\n", "GET", "/", [], .none, false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", ["Connection=Keep-Alive"], .none, true),
        (
            "GET / HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", "GET", "/", ["Host=a", "Connection=close"], .none,
            false
        ),
        (
            "GET / HTTP/1.1\r\n\(host)Connection: x, , CLOSE\r\n\r\n", "GET", "/", ["Host=a", "Connection=x, , CLOSE"],
            .none, false
        ),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", "POST", "/", ["Host=a", "Content-Length=0"],
            .length(0), true
        ),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 007\r\n\r\n", "POST", "/", ["Host=a", "Content-Length=007"],
            .length(7), true
        ),
        (
            "PUT / HTTP/1.1\r\n\(host)content-length:9999999999999999999\r\n\r\n", "PUT", "/",
            ["Host=a", "content-length=9999999999999999999"], .length(9_999_999_999_999_999_999), true
        ),
        (
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: \tChUnKeD \r\n\r\n", "POST", "/",
            ["Host=a", "Transfer-Encoding=ChUnKeD"], .chunked, true
        ),
        (
            "GET / HTTP/1.1\r\n\(host)A: \t b\tc  d \t \r\nEmpty:\r\nBlank: \t\r\n\r\n", "GET", "/",
            ["Host=a", "A=b\tc  d", "Empty=", "Blank="], .none, true
        ),
        ("GET / HTTP/1.1\r\n\(host)X: caf\u{e9}\r\n\r\n", "GET", "/", ["Host=a", "X=caf\u{e9}"], .none, true),
        (
            "GET / HTTP/1.1\r\n\(host)!#$%&'*+-.^_`|~0Az: 1\r\n\r\n", "GET", "/", ["Host=a", "!#$%&'*+-.^_`|~0Az=1"],
            .none, true
        ),
    ]

/// Heads that are refused, with the status of the answer and a word of the reason.
private let refused: [(text: String, status: Int, reason: String)] = [
    // The request line.
    ("\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n", 400, "invalid method"),
    ("\nGET / HTTP/1.1\r\n\(host)\r\n", 400, "invalid method"),
    ("\rGET / HTTP/1.1\r\n\(host)\r\n", 400, "bare CR"),
    (" GET / HTTP/1.1\r\n\(host)\r\n", 400, "invalid method"),
    ("GET  / HTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET\t/ HTTP/1.1\r\n\(host)\r\n", 400, "invalid method"),
    ("GET /  HTTP/1.1\r\n\(host)\r\n", 400, "invalid version"),
    ("GET / HTTP/1.1 \r\n\(host)\r\n", 400, "invalid version"),
    ("GET /\tHTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET /a b HTTP/1.1\r\n\(host)\r\n", 400, "invalid version"),
    ("GET /\u{1} HTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET /\u{7f} HTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET /\u{e9} HTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET /long-enough-for-a-word\u{0}x HTTP/1.1\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET /\r\n\(host)\r\n", 400, "invalid request target"),
    ("GET / HTTP/1.1\n\(host)\r\n", 400, "invalid version"),
    ("GET / HTTP/1.1\r\(host)\r\n", 400, "invalid version"),
    ("G(T / HTTP/1.1\r\n\(host)\r\n", 400, "invalid method"),
    ("GET / http/1.1\r\n\(host)\r\n", 400, "invalid version"),
    ("GET / HTTP/11\r\n\(host)\r\n", 400, "invalid version"),
    ("GET / HTTP/1.10\r\n\(host)\r\n", 400, "invalid version"),
    ("GET / HTTP/1.2\r\n\(host)\r\n", 505, "version"),
    ("GET / HTTP/2.0\r\n\(host)\r\n", 505, "version"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", 400, "invalid method"),
    // Line ends, names and values.
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400, "bare LF"),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare LF"),
    ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, "bare CR"),
    ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400, "bare CR"),
    ("GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n", 400, "bare CR"),
    ("GET / HTTP/1.1\r\n\(host)X: a\u{0}b\r\n\r\n", 400, "control byte"),
    ("GET / HTTP/1.1\r\n\(host)X: abcdefghijkl\u{b}b\r\n\r\n", 400, "control byte"),
    ("GET / HTTP/1.1\r\n\(host)X: abcdefghijkl\u{7f}b\r\n\r\n", 400, "control byte"),
    ("GET / HTTP/1.1\r\n\(host)X : b\r\n\r\n", 400, "white space before colon"),
    ("GET / HTTP/1.1\r\n\(host)X\t: b\r\n\r\n", 400, "white space before colon"),
    ("GET / HTTP/1.1\r\n\(host)X: b\r\n c\r\n\r\n", 400, "folded"),
    ("GET / HTTP/1.1\r\n\(host)X: b\r\n\tc\r\n\r\n", 400, "folded"),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"),
    ("GET / HTTP/1.1\r\n\(host): b\r\n\r\n", 400, "empty field name"),
    ("GET / HTTP/1.1\r\n\(host)X\r\n\r\n", 400, "without colon"),
    ("GET / HTTP/1.1\r\n\(host)X@Y: b\r\n\r\n", 400, "invalid byte in field name"),
    ("GET / HTTP/1.1\r\n\(host)X\u{0}Y: b\r\n\r\n", 400, "invalid byte in field name"),
    ("GET / HTTP/1.1\r\n\(host)X\u{e9}: b\r\n\r\n", 400, "invalid byte in field name"),
    // Framing and host.
    ("GET / HTTP/1.1\r\n\r\n", 400, "host missing"),
    ("GET / HTTP/1.1\r\n\(host)\(host)\r\n", 400, "host twice"),
    ("GET / HTTP/1.0\r\n\(host)\(host)\r\n", 400, "host twice"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "content-length and"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, "content-length and"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "content-length twice"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "content-length twice"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: +1\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 0x1\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 1, 1\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 1 1\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", 400, "invalid content-length"),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 18446744073709551616\r\n\r\n", 400, "invalid content-length"),
    (
        "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
        "transfer-encoding twice"
    ),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, identity\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: \"chunked\"\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding:\r\n\r\n", 501, "not implemented"),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\u{b}\r\n\r\n", 400, "control byte"),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0"),
]

@Suite("Request heads")
struct RequestHeadTests {
    @Test("a well-formed head is read with its framing", arguments: accepted.indices)
    func accepts(_ index: Int) {
        let row = accepted[index]
        let parsed = ParsedRequest(row.text + "rest")
        #expect(parsed.outcome == .complete)
        #expect(parsed.method == row.method)
        #expect(parsed.target == row.target)
        #expect(parsed.fields == row.fields)
        #expect(parsed.body == row.body)
        #expect(parsed.keepAlive == row.keep)
        #expect(parsed.left == "rest")
    }

    @Test("whatever is ambiguous is refused, not repaired", arguments: refused.indices)
    func refuses(_ index: Int) throws {
        let row = refused[index]
        guard case .refused(let refusal) = ParsedRequest(row.text).outcome else {
            Issue.record("accepted or undecided: \(row.text)")
            return
        }
        #expect(refusal.status == row.status)
        #expect(refusal.shortDescription.contains(row.reason))
    }

    @Test("however the bytes are cut, the answer is the same", arguments: [UInt64.random(in: 0 ... .max), 1, 2])
    func splits(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for text in accepted.map({ $0.text + "rest" }) + refused.map(\.text) {
            let bytes = Array(text.utf8)
            let whole = ParsedRequest([bytes])
            #expect(ParsedRequest(bytes.map { [$0] }) == whole, "byte by byte: \(text)")
            for _ in 0..<20 {
                let longest = Int.random(in: 1...40, using: &random)
                #expect(ParsedRequest(random.pieces(bytes, longest: longest)) == whole, "seed \(seed): \(text)")
            }
        }
    }

    @Test("a prefix of a well-formed head is incomplete", arguments: accepted.indices)
    func prefixes(_ index: Int) {
        let bytes = Array(accepted[index].text.utf8)
        for length in 0..<bytes.count {
            #expect(ParsedRequest([Array(bytes.prefix(length))]).outcome == .incomplete)
        }
    }

    @Test("the limits of a head hold to the byte")
    func limits() {
        let text = "GET /abc HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
        let exact = HeadLimits(maxHeadBytes: text.utf8.count, maxTargetBytes: 4, maxFields: 2)
        #expect(ParsedRequest(text, limits: exact).outcome == .complete)
        var less = exact
        less.maxHeadBytes -= 1
        #expect(ParsedRequest(text, limits: less).outcome == .refused(.headTooLarge))
        less = exact
        less.maxTargetBytes -= 1
        #expect(ParsedRequest(text, limits: less).outcome == .refused(.targetTooLong))
        less = exact
        less.maxFields -= 1
        #expect(ParsedRequest(text, limits: less).outcome == .refused(.tooManyFields))
    }

    @Test("a head that never ends is refused at the limit", arguments: ["GET /", "GET / HTTP/1.1\r\nX: ", "A"])
    func endless(start: String) {
        let limits = HeadLimits(maxHeadBytes: 256, maxTargetBytes: 100)
        let bytes = Array(start.utf8) + [UInt8](repeating: 0x61, count: 1000)
        let whole = ParsedRequest([bytes], limits: limits)
        #expect(whole.outcome == .refused(start == "GET /" ? .targetTooLong : .headTooLarge))
        #expect(ParsedRequest(bytes.map { [$0] }, limits: limits) == whole)
    }

    @Test("offsets lead to names, values and whole lines")
    func spans() throws {
        var input = ByteBuffer(string: "skip")
        input.moveReaderIndex(forwardBy: 4)
        input.writeString(
            "GET /x HTTP/1.1\r\nHost: h\r\nConnection: Foo , te\r\nfoo:  1 \r\nTE: trailers\r\nBar: 2\r\n\r\n")
        var parser = RequestHeadParser()
        var head = RequestHead()
        #expect(parser.parse(&input, into: &head) == .complete)
        #expect(head.method == .get)
        #expect(
            head.fields.map { head.string($0.line) }.joined()
                == "Host: h\r\nConnection: Foo , te\r\nfoo:  1 \r\nTE: trailers\r\nBar: 2\r\n")
        #expect(head.fields.map(\.known) == [.host, .connection, .other, .te, .other])
        #expect(head.fields.map(head.isNominated) == [false, false, true, true, false])
        #expect(head.host.map(head.string) == "h")
        #expect(head.string(try #require(head.first(.te)).value) == "trailers")
        #expect(head.first(.cookie) == nil)
        #expect(String(buffer: head.slice(head.fields[2].value)) == "1")
    }

    @Test("one value is filled again without a trace of the request before")
    func reuse() {
        var input = ByteBuffer(
            string:
                "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nConnection: x\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"
                + "GET /b HTTP/1.0\r\n\r\n")
        var parser = RequestHeadParser()
        var head = RequestHead()
        #expect(parser.parse(&input, into: &head) == .complete)
        #expect(head.expectsContinue)
        #expect(head.hasUpgrade)
        #expect(head.hasNominations)
        #expect(head.method == .post)
        #expect(head.body == .length(3))
        #expect(parser.parse(&input, into: &head) == .complete)
        #expect(!head.expectsContinue)
        #expect(!head.hasUpgrade)
        #expect(!head.hasNominations)
        #expect(head.host == nil)
        #expect(head.fields.isEmpty)
        #expect(head.method == .get)
        #expect(head.isHTTP10)
        #expect(head.body == .none)
    }

    @Test(
        "an expectation counts only with HTTP/1.1 and a body",
        arguments: [
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false),
            ("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: teapot\r\nContent-Length: 1\r\n\r\n", false),
        ])
    func expectation(_ text: String, _ expected: Bool) {
        var input = ByteBuffer(string: text)
        var parser = RequestHeadParser()
        var head = RequestHead()
        #expect(parser.parse(&input, into: &head) == .complete)
        #expect(head.expectsContinue == expected)
    }

    @Test("each method token is known by its exact spelling")
    func methods() {
        let names: [(String, Method)] = [
            ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch), ("DELETE", .delete),
            ("OPTIONS", .options), ("TRACE", .trace), ("CONNECT", .connect), ("GETX", .other), ("Get", .other),
            ("OPTIONSX", .other), ("GE", .other), ("\u{7e}", .other),
        ]
        for (name, method) in names {
            var input = ByteBuffer(string: "\(name) / HTTP/1.0\r\n\r\n")
            var parser = RequestHeadParser()
            var head = RequestHead()
            #expect(parser.parse(&input, into: &head) == .complete)
            #expect(head.method == method, "\(name)")
        }
    }
}
