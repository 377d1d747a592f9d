import Testing

@testable import Pricing

@Suite("Usage in an event stream")
struct EventStreamTests {
    private static let shape = MeteringSamples.shape([["usage.tokens"]], marksHidden: true)

    struct Line: CustomTestStringConvertible, Sendable {
        var stream: String
        var found: UsageFinding
        var testDescription: String { stream }

        init(_ stream: String, _ found: UsageFinding) { (self.stream, self.found) = (stream, found) }
    }

    static let framings: [Line] = [
        Line("data: {\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line("data:{\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line("data:  {\"usage\":{\"tokens\":7}}\r\n\r\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":7}}\r\r", .value(7)),
        Line("\u{FEFF}data: {\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line("event: x\nid: 1\ndata: {\"usage\":{\"tokens\":7}}\nretry: 5\n\n", .value(7)),
        Line(": note\n\n: {\"usage\":{\"tokens\":9}}\ndata: {\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line(
            "data: {\"usage\":\ndata: {\"tok\ndata: x\n\ndata: {\"usage\":\ndata:\ndata:{\"tokens\":7}}\n\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":3}}\n\ndata: {\"usage\":{\"tokens\":7}}\n\ndata: [DONE]\n\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":9}}\n\ndata: {\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":7}}\n\ndata: {\"usage\":null}\n\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":-7}}\n\ndata: {\"usage\":{\"tokens\":7}}\n\n", .value(7)),
        Line("data: {\"usage\":{\"tokens\":7}}\n\ndata: {\"usage\":{\"tokens\":-7}}\n\n", .unusable(.negative)),
        Line("data: {\"usage\":{\"tokens\":7}}\ndata: {}\n\n", .missing),
        Line("datum: {\"usage\":{\"tokens\":7}}\n\n", .missing), Line("dat\n\ndata\n\n", .missing),
        Line("xdata: {\"usage\":{\"tokens\":7}}\n\n", .missing),
        Line(" data: {\"usage\":{\"tokens\":7}}\n\n", .missing),
        Line("{\"usage\":{\"tokens\":7}}\n\n", .missing),
        // Broken off.
        Line("data: {\"usage\":{\"tokens\":7}}", .value(7)), Line("data: {\"usage\":{\"tokens\":7", .missing),
    ]

    @Test("is framed as browsers frame it", arguments: framings)
    func framing(_ line: Line) {
        let body = Array(line.stream.utf8)
        #expect(MeteringSamples.scan(body, Self.shape, .events).findings == [line.found])
        for cut in body.indices {
            #expect(MeteringSamples.scan(body, Self.shape, .events, cuts: [cut]).findings == [line.found], "at \(cut)")
        }
    }

    struct Withheld: CustomTestStringConvertible, Sendable {
        var before: String
        var usage: String
        var after: String
        var testDescription: String { before + "|" + usage + "|" + after }

        init(_ before: String, _ usage: String, _ after: String) {
            (self.before, self.usage, self.after) = (before, usage, after)
        }
    }

    private static let content = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"

    static let hidden: [Withheld] = [
        Withheld(content + content, "data: {\"choices\":[],\"usage\":{\"tokens\":7}}\n\n", "data: [DONE]\n\n"),
        Withheld(content, "data: {\"usage\":{\"tokens\":7},\"choices\":[ ]}\r\n\r\n", "data: [DONE]\r\n\r\n"),
        Withheld(": hello\n", "data: {\"usage\":{\"tokens\":7},\"choices\":[]}\r\r", ": bye\r"),
        Withheld("", "data: {\"usage\":{\"tokens\":7},\ndata: \"choices\":[]}\n\n", content),
        Withheld(content, "data: {\"choices\":[],\"usage\":{\"tokens\":7}}", ""),
        // What is not usage alone goes out.
        Withheld("data: {\"choices\":[{}],\"usage\":{\"tokens\":7}}\n\n", "", ""),
        Withheld("data: {\"choices\":[],\"usage\":null}\n\n", "", ""),
        Withheld("data: {\"choices\":[],\"choices\":[1],\"usage\":{}}\n\n", "", ""),
        Withheld("data: {\"usage\":{\"tokens\":7}}\n\n", "", "data: {\"choices\":{},\"usage\":{}}\n\n"),
        Withheld("data: {\"choices\":[],\"usage\":{}} x\n\n", "", ": note\n\n\n\nevent: x\ndata: y\n\n"),
    ]

    @Test("is withheld from a client that did not ask for it, and nothing else is", arguments: hidden)
    func withholds(_ line: Withheld) {
        let body = Array((line.before + line.usage + line.after).utf8)
        let whole = MeteringSamples.scan(body, Self.shape, .events, withholds: true)
        #expect(String(decoding: whole.withheld, as: UTF8.self) == line.usage)
        #expect(String(decoding: whole.passed, as: UTF8.self) == line.before + line.after)
        for cut in body.indices {
            #expect(MeteringSamples.scan(body, Self.shape, .events, withholds: true, cuts: [cut]) == whole, "at \(cut)")
        }
        #expect(MeteringSamples.scan(body, Self.shape, .events, withholds: true, cuts: Array(body.indices)) == whole)
        let open = MeteringSamples.scan(body, Self.shape, .events)
        #expect(open.passed == body)
        #expect(open.findings == whole.findings)
    }

    @Test("holds no event back longer than it must")
    func release() {
        var scanner = UsageScanner(Self.shape, framing: .events, withholds: true)
        func decided(_ piece: String) -> Int {
            var end = 0
            Array(piece.utf8).withUnsafeBytes { scanner.scan($0) { end = $0.end } }
            return end
        }
        #expect(decided("data: {\"id\":1,\"choices\":[") == 0)
        // A choice shows that it is content.
        #expect(decided("{\"delta\":") == 9)
        #expect(decided("{}}]}\n\n: note") == 13)
        #expect(decided("\n\ndata: {\"choices\":[],") == 2)
        let long = String(repeating: "x", count: UsageScanner.maximumHeldBytes)
        #expect(decided("\"text\":\"\(long)") == 8 + UsageScanner.maximumHeldBytes)
    }
}
