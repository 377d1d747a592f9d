import NIOCore
import Testing

@testable import Transport

/// One request of a random conversation, and what its handler does.
private struct Turn {
    enum Body: CaseIterable {
        case none, length, chunked
    }

    let body: Body
    let content: String
    let accepts: Bool
    /// Answers before the body is over, even before it is accepted.
    let answersEarly: Bool
    let isHead: Bool
    let answer: ResponseBody
    let text: String

    init(_ index: Int, _ random: inout SplitMix) {
        body = Body.allCases.randomElement(using: &random) ?? .none
        content = body == .none ? "" : String(repeating: "b", count: Int.random(in: 0...300, using: &random))
        accepts = Bool.random(using: &random)
        answersEarly = !accepts || Int.random(in: 0..<4, using: &random) == 0
        isHead = Int.random(in: 0..<5, using: &random) == 0
        text = "answer-\(index)-" + String(repeating: "a", count: Int.random(in: 0...200, using: &random))
        answer = Bool.random(using: &random) ? .stream : .length(UInt64(text.utf8.count))
    }

    func request(_ index: Int, _ random: inout SplitMix) -> String {
        let head = "\(isHead ? "HEAD" : "POST") /\(index) HTTP/1.1\r\nHost: a\r\n"
        switch body {
        case .none: return head + "\r\n"
        case .length: return head + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        case .chunked:
            let pieces = random.pieces(Array(content.utf8), longest: 90)
            let chunks = pieces.map { "\(String($0.count, radix: 16))\r\n\(String(decoding: $0, as: UTF8.self))\r\n" }
            return head + "Transfer-Encoding: chunked\r\n\r\n\(chunks.joined())0\r\n\r\n"
        }
    }

    var expected: String {
        let head = "HTTP/1.1 200 OK\r\ndate: d\r\n"
        switch answer {
        case .stream where isHead: return head + "\r\n"
        case .stream:
            return head
                + "transfer-encoding: chunked\r\n\r\n\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n0\r\n\r\n"
        default: return head + "content-length: \(text.utf8.count)\r\n\r\n" + (isHead ? "" : text)
        }
    }
}

@Suite("Random conversations")
struct ServerModelTests {
    @Test(
        "whatever is sent when, every request gets its own answer in order and its own body",
        arguments: [UInt64.random(in: 0 ... .max), 1, 2, 3])
    func conversation(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<60 {
            let turns = (0..<Int.random(in: 1...8, using: &random)).map { Turn($0, &random) }
            let input = turns.enumerated().map { $1.request($0, &random) }.joined()
            let pieces = random.pieces(Array(input.utf8), longest: [3, 60, 2000].randomElement(using: &random) ?? 60)
            let received = try converse(turns, pieces, &random)
            #expect(received == turns.map(\.expected).joined(), "seed \(seed)")
        }
    }

    /// Plays one conversation; handlers act at random moments.
    private func converse(_ turns: [Turn], _ pieces: [[UInt8]], _ random: inout SplitMix) throws -> String {
        let server = try ServerHarness()
        var answered = 0
        func act() {
            guard let handler = server.handler, server.delegate.handlers.count > answered else { return }
            let turn = turns[answered]
            if turn.accepts, !turn.answersEarly {
                handler.stream.acceptBody()
                guard handler.events.contains("end") else { return }
                let content = handler.events.filter { $0.hasPrefix("body ") }.map { $0.dropFirst(5) }.joined()
                #expect(content == turn.content)
            } else if turn.accepts {
                handler.stream.acceptBody()
            }
            answered += 1
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: d\r\n"), body: turn.answer)
            handler.stream.writeBody(ByteBuffer(string: turn.text))
            handler.stream.end(trailers: nil)
        }
        for piece in pieces {
            server.send(piece)
            while Int.random(in: 0..<3, using: &random) > 0, server.delegate.handlers.count > answered { act() }
        }
        while server.delegate.handlers.count > answered {
            let before = answered
            act()
            if answered == before { break }
        }
        #expect(answered == turns.count)
        #expect(server.isOpen)
        return try server.received()
    }
}
