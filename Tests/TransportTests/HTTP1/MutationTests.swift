import NIOCore
import Testing

@testable import Transport

/// Well-formed messages that are damaged at random.
private let seeds = [
    "GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nConnection: keep-alive, x\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX-PAYMENT: abc=\r\nExpect: 100-continue\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b; c\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    "5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: 1\r\nETag: x\r\n\r\n",
]

/// Bytes that matter to a parser of HTTP.
private let telling = Array("\r\n\t :;,/.?0123456789abcdefABCDEF\u{0}\u{b}\u{7f}+-HTPGE".utf8) + [0x80, 0xff]

extension SplitMix {
    /// Replaces, inserts, removes or repeats a few bytes.
    fileprivate mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &self)
            let byte = telling[Int.random(in: 0..<telling.count, using: &self)]
            switch Int.random(in: 0..<4, using: &self) {
            case 0: bytes[index] = byte
            case 1: bytes.insert(byte, at: index)
            case 2: bytes.remove(at: index)
            default:
                let end = min(bytes.count, index + Int.random(in: 1...20, using: &self))
                bytes.insert(contentsOf: bytes[index..<end], at: index)
            }
        }
        return bytes
    }
}

@Suite("Damaged messages")
struct MutationTests {
    private static let limits = HeadLimits(maxHeadBytes: 160, maxTargetBytes: 40, maxFields: 6)

    @Test(
        "a damaged request is judged alike whole and in pieces, and its spans lie in order",
        arguments: [
            UInt64.random(in: 0 ... .max), 11,
        ])
    func requests(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<3000 {
            let bytes = random.damaged(Array(seeds[Int.random(in: 0..<3, using: &random)].utf8))
            let whole = Self.request([bytes])
            let pieces = Self.request(random.pieces(bytes, longest: 9))
            #expect(whole.outcome == pieces.outcome || whole.isLater(than: pieces), "seed \(seed): \(bytes)")
            guard whole.outcome == .complete else { continue }
            #expect(whole.lines == pieces.lines, "seed \(seed): \(bytes)")
            #expect(whole.length <= Self.limits.maxHeadBytes + 2)
            let text = String(decoding: bytes.prefix(whole.length), as: UTF8.self)
            #expect(!text.dropLast().contains { $0 == "\n" || $0 == "\r" }, "a bare CR or LF: \(text)")
        }
    }

    @Test(
        "a damaged answer or chunk is judged alike whole and in pieces",
        arguments: [
            UInt64.random(in: 0 ... .max), 12,
        ])
    func answers(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<3000 {
            let head = random.damaged(Array(seeds[3].utf8))
            #expect(Self.response([head]) == Self.response(random.pieces(head, longest: 9)), "seed \(seed): \(head)")
            let chunks = random.damaged(Array(seeds[4].utf8))
            #expect(Self.body([chunks]) == Self.body(random.pieces(chunks, longest: 9)), "seed \(seed): \(chunks)")
        }
    }

    private struct Judged {
        var outcome: HeadParseOutcome
        var lines: [String]
        var length: Int

        /// A piecewise parser may still wait for a line end where the whole text shows the fault already.
        func isLater(than other: Judged) -> Bool {
            other.outcome == .incomplete && outcome != .complete
        }
    }

    private static func request(_ pieces: [[UInt8]]) -> Judged {
        var parser = RequestHeadParser(limits: limits)
        var input = ByteBuffer()
        var head = RequestHead()
        var outcome = HeadParseOutcome.incomplete
        for piece in pieces where outcome == .incomplete {
            input.writeBytes(piece)
            outcome = parser.parse(&input, into: &head)
        }
        var end = 0
        for field in head.fields where outcome == .complete {
            let isInOrder =
                field.line.lowerBound >= end && field.name.upperBound < field.value.lowerBound + 1
                && field.value.upperBound + 2 <= field.line.upperBound
            #expect(isInOrder)
            end = field.line.upperBound
        }
        return Judged(
            outcome: outcome, lines: outcome == .complete ? head.fields.map { head.string($0.line) } : [],
            length: head.bytes.readableBytes)
    }

    private static func response(_ pieces: [[UInt8]]) -> String {
        var parser = ResponseHeadParser(limits: limits)
        var input = ByteBuffer()
        var head = ResponseHead()
        for piece in pieces {
            input.writeBytes(piece)
            switch parser.parse(&input, method: .get, into: &head) {
            case .complete: return "\(head.status) \(head.body) \(head.fields.map { head.string($0.line) })"
            case .refused: return "undecided"
            case .incomplete: continue
            }
        }
        return "undecided"
    }

    private static func body(_ pieces: [[UInt8]]) -> String {
        var decoder = ChunkedDecoder(limits: limits)
        var input = ByteBuffer()
        var text = ""
        for piece in pieces {
            input.writeBytes(piece)
            while true {
                switch decoder.next(&input) {
                case .data(let bytes):
                    text += String(buffer: bytes)
                    continue
                case .end(let trailers): return text + " end " + (trailers.map { String(buffer: $0) } ?? "")
                case .refused: return text + " undecided"
                case .incomplete: break
                }
                break
            }
        }
        return text + " undecided"
    }
}
