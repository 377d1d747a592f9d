import NIOCore
import Testing

@testable import Transport

private struct Decoded: Equatable {
    var body = ""
    var trailers: String?
    var isOver = false
    var refusal: HeadRefusal?
    var left = ""

    init(_ pieces: [[UInt8]], limits: HeadLimits = HeadLimits()) {
        var decoder = ChunkedDecoder(limits: limits)
        var input = ByteBuffer()
        for piece in pieces {
            input.writeBytes(piece)
            while !isOver, refusal == nil {
                switch decoder.next(&input) {
                case .data(let bytes):
                    body += String(buffer: bytes)
                    continue
                case .end(let lines):
                    isOver = true
                    trailers = lines.map { String(buffer: $0) }
                case .refused(let reason): refusal = reason
                case .incomplete: break
                }
                break
            }
        }
        if refusal == nil { left = String(buffer: input) }
    }
}

private let accepted: [(text: String, body: String, trailers: String?)] = [
    ("0\r\n\r\n", "", nil),
    ("5\r\nhello\r\n0\r\n\r\n", "hello", nil),
    ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", nil),
    ("0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello", nil),
    ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", nil),
    ("5;name=value;q=\"a b\"\r\nhello\r\n0;x\r\n\r\n", "hello", nil),
    ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", nil),
    ("1\r\nx\r\n0\r\nA: 1\r\nb:2\r\n\r\n", "x", "A: 1\r\nb:2\r\n"),
    ("0\r\nContent-Length: 5\r\nHost: x\r\nX-PAYMENT: z\r\nX-Farebox-Payer: me\r\n\r\n", "", nil),
    (
        "0\r\nTransfer-Encoding: chunked\r\nGrpc-Status: 0\r\nAuthorization: a\r\nETag: \"e\"\r\n\r\n", "",
        "Grpc-Status: 0\r\nETag: \"e\"\r\n"
    ),
]

private let refused: [(text: String, reason: String)] = [
    ("\r\nhello\r\n", "invalid chunk size"),
    ("g\r\n", "invalid chunk size"),
    ("-1\r\n", "invalid chunk size"),
    ("+1\r\nx", "invalid chunk size"),
    ("0x1\r\nx", "invalid chunk size"),
    (" 1\r\nx", "invalid chunk size"),
    ("1 \r\nx", "invalid chunk size"),
    ("1\nx\r\n", "invalid chunk size"),
    ("1\rx", "bare CR"),
    ("00000000000000001\r\nx", "chunk size too long"),
    ("1;a\nb\r\nx", "invalid chunk extension"),
    ("1;a\u{0}\r\nx", "invalid chunk extension"),
    ("1;a\rb\r\nx", "bare CR"),
    ("1\r\nxy\r\n", "chunk longer"),
    ("1\r\nx\n0\r\n", "chunk longer"),
    ("1\r\nx\r0\r\n", "bare CR"),
    ("0\r\nA : 1\r\n\r\n", "white space before colon"),
    ("0\r\nA: 1\n\r\n", "bare LF"),
    ("0\r\n\n", "bare LF"),
    ("0\r\n A: 1\r\n\r\n", "folded"),
    ("0\r\nGET / HTTP/1.1\r\n\r\n", "white space before colon"),
]

@Suite("The chunked coding")
struct ChunkedDecoderTests {
    @Test("well-formed chunks give their data and kept trailers", arguments: accepted.indices)
    func accepts(_ index: Int) {
        let row = accepted[index]
        let decoded = Decoded([Array((row.text + "next").utf8)])
        #expect(decoded.isOver)
        #expect(decoded.body == row.body)
        #expect(decoded.trailers == row.trailers)
        #expect(decoded.left == "next")
    }

    @Test("anything else is refused", arguments: refused.indices)
    func refuses(_ index: Int) {
        let row = refused[index]
        let decoded = Decoded([Array(row.text.utf8)])
        #expect(!decoded.isOver)
        #expect(decoded.refusal?.shortDescription.contains(row.reason) == true, "\(decoded)")
    }

    @Test("however the bytes are cut, the result is the same", arguments: [UInt64.random(in: 0 ... .max), 3])
    func splits(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for text in accepted.map({ $0.text + "next" }) + refused.map(\.text) {
            let bytes = Array(text.utf8)
            let whole = Decoded([bytes])
            #expect(Decoded(bytes.map { [$0] }) == whole, "byte by byte: \(text)")
            for _ in 0..<20 {
                #expect(Decoded(random.pieces(bytes, longest: 12)) == whole, "seed \(seed): \(text)")
            }
        }
    }

    @Test("an extension is bounded")
    func extensions() {
        let longest = String(repeating: "x", count: ChunkedDecoder.maxExtensionBytes - 1)
        #expect(Decoded([Array("1;\(longest)\r\nx\r\n0\r\n\r\n".utf8)]).body == "x")
        #expect(Decoded([Array("1;\(longest)x\r\n".utf8)]).refusal == .malformed("chunk extension too long"))
    }

    @Test("a trailer section is bounded in bytes and lines")
    func trailerLimits() {
        let section = "A: 1\r\nB: 2\r\n\r\n"
        let bytes = Array("0\r\n\(section)".utf8)
        #expect(Decoded([bytes], limits: HeadLimits(maxHeadBytes: section.utf8.count, maxFields: 2)).isOver)
        let shorter = HeadLimits(maxHeadBytes: section.utf8.count - 1, maxFields: 2)
        #expect(Decoded([bytes], limits: shorter).refusal == .headTooLarge)
        let fewer = HeadLimits(maxHeadBytes: section.utf8.count, maxFields: 1)
        #expect(Decoded([bytes], limits: fewer).refusal == .tooManyFields)
    }

    @Test("the largest size does not overflow")
    func largest() {
        let decoded = Decoded([Array("ffffffffffffffff\r\nabc".utf8)])
        #expect(decoded.refusal == nil)
        #expect(decoded.body == "abc")
    }
}
