import NIOCore
import Testing

@testable import Transport

private struct ParsedResponse: Equatable {
    var outcome: HeadParseOutcome = .incomplete
    var status = 0
    var reason = ""
    var fields: [String] = []
    var body: BodyFraming = .none
    var keepAlive = false

    init(_ pieces: [[UInt8]], method: Transport.Method = .get, limits: HeadLimits = HeadLimits()) {
        var parser = ResponseHeadParser(limits: limits)
        var input = ByteBuffer()
        var head = ResponseHead()
        for piece in pieces where outcome == .incomplete {
            input.writeBytes(piece)
            outcome = parser.parse(&input, method: method, into: &head)
        }
        guard outcome == .complete else { return }
        status = head.status
        reason = head.string(head.reason)
        fields = head.fields.map { "\(head.string($0.name))=\(head.string($0.value))" }
        body = head.body
        keepAlive = head.keepAlive
    }
}

private let accepted: [(text: String, method: Transport.Method, status: Int, body: BodyFraming, keep: Bool)] = [
    ("HTTP/1.1 200 OK\r\n\r\n", .get, 200, .untilClose, false),
    ("HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", .get, 200, .length(5), true),
    ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .get, 200, .length(0), true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .get, 200, .chunked, true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", .get, 200, .chunked, false),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .head, 200, .none, true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .head, 200, .none, true),
    ("HTTP/1.1 204 No Content\r\n\r\n", .get, 204, .none, true),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .get, 304, .none, true),
    ("HTTP/1.1 100 Continue\r\n\r\n", .post, 100, .none, true),
    ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", .get, 103, .none, true),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", .get, 200, .length(1), false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", .get, 200, .length(1), true),
    ("HTTP/1.1 599 caf\u{e9} \t x\r\nContent-Length: 1\r\n\r\n", .get, 599, .length(1), true),
]

private let refused: [(text: String, reason: String)] = [
    ("HTTP/1.1 20 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 2000 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 099 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 +20 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1  200 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1\t200 OK\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 200 O\u{0}K\r\n\r\n", "invalid status line"),
    ("\r\nHTTP/1.1 200 OK\r\n\r\n", "invalid"),
    ("ICY 200 OK for you\r\n\r\n", "invalid status line"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "content-length twice"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "content-length and"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n", "invalid content-length"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "not implemented"),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"),
    ("HTTP/1.1 200 OK\r\nX : 1\r\n\r\n", "white space before colon"),
    ("HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n", "folded"),
    ("HTTP/1.1 200 OK\r\nX: 1\n\r\n", "bare LF"),
    ("HTTP/2.0 200 OK\r\n\r\n", "version"),
]

@Suite("Response heads")
struct ResponseHeadTests {
    @Test("a well-formed head is read with its framing", arguments: accepted.indices)
    func accepts(_ index: Int) {
        let row = accepted[index]
        let parsed = ParsedResponse([Array(row.text.utf8)], method: row.method)
        #expect(parsed.outcome == .complete)
        #expect(parsed.status == row.status)
        #expect(parsed.body == row.body)
        #expect(parsed.keepAlive == row.keep)
    }

    @Test("an upstream's ambiguities are refused too", arguments: refused.indices)
    func refuses(_ index: Int) {
        let row = refused[index]
        guard case .refused(let refusal) = ParsedResponse([Array(row.text.utf8)]).outcome else {
            Issue.record("accepted or undecided: \(row.text)")
            return
        }
        #expect(refusal.shortDescription.contains(row.reason))
    }

    @Test("however the bytes are cut, the answer is the same", arguments: [UInt64.random(in: 0 ... .max), 1])
    func splits(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for text in accepted.map(\.text) + refused.map(\.text) {
            let bytes = Array(text.utf8)
            let whole = ParsedResponse([bytes])
            #expect(ParsedResponse(bytes.map { [$0] }) == whole, "byte by byte: \(text)")
            for _ in 0..<20 {
                #expect(ParsedResponse(random.pieces(bytes, longest: 30)) == whole, "seed \(seed): \(text)")
            }
        }
    }

    @Test("the limits of a head hold to the byte")
    func limits() {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
        let exact = HeadLimits(maxHeadBytes: bytes.count, maxFields: 1)
        #expect(ParsedResponse([bytes], limits: exact).outcome == .complete)
        let shorter = HeadLimits(maxHeadBytes: bytes.count - 1, maxFields: 1)
        #expect(ParsedResponse([bytes], limits: shorter).outcome == .refused(.headTooLarge))
        let fewer = HeadLimits(maxHeadBytes: bytes.count, maxFields: 0)
        #expect(ParsedResponse([bytes], limits: fewer).outcome == .refused(.tooManyFields))
    }
}
