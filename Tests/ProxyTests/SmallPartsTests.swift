import Ledger
import NIOCore
import Primitives
import Testing

@testable import Proxy

/// The small values of the proxy.
@Suite("Small parts of the proxy")
struct SmallPartsTests {
    @Test(
        "a moment is written as RFC 3339 has it",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_893_456_000, "2030-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ])
    func calendar(seconds: Int64, text: String) {
        #expect(CalendarTime(UnixTime(seconds)).iso8601 == text)
    }

    @Test("ids are 16 hex digits and do not repeat")
    func ids() {
        var ids = RequestIDs(seed: 1)
        let many = (0..<10_000).map { _ in ids.next().description }
        #expect(Set(many).count == many.count)
        #expect(many.allSatisfy { $0.count == 16 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
    }

    @Test("charge_on takes classes and single statuses")
    func statuses() {
        #expect(StatusSet.standard.contains(200) && StatusSet.standard.contains(304))
        #expect(!StatusSet.standard.contains(404) && !StatusSet.standard.contains(500))
        let set = StatusSet(classes: [2], codes: [404])
        #expect(set.contains(404) && !set.contains(301) && !set.contains(403))
        #expect(!set.contains(999))
    }

    private func buffer(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test("a whole body's print takes the same body only, in any pieces")
    func completePrint() throws {
        let printer = BodyPrinter()
        printer.update(buffer("hello "))
        printer.update(buffer("world"))
        printer.finish()
        let print = try #require(printer.takePrint())
        #expect(print.length == 11 && print.isComplete)
        #expect(printer.takePrint() == nil)

        var same = BodyCheck(print)
        #expect(same.received(buffer("hello wor")) == .undecided)
        #expect(same.received(buffer("ld")) == .undecided)
        #expect(same.ended() == .same)

        var other = BodyCheck(print)
        _ = other.received(buffer("hello worlD"))
        #expect(other.ended() == .different)

        var longer = BodyCheck(print)
        #expect(longer.received(buffer("hello world!")) == .different)

        let shorter = BodyCheck(print)
        #expect(shorter.ended() == .different)
    }

    @Test("a broken-off body's print binds what was shown, and lets the rest be what it may")
    func prefixPrint() throws {
        let printer = BodyPrinter()
        printer.update(buffer("hel"))
        let print = try #require(printer.takePrint())
        #expect(!print.isComplete)

        var same = BodyCheck(print)
        #expect(same.received(buffer("he")) == .undecided)
        #expect(same.received(buffer("llo")) == .same)
        #expect(String(buffer: same.bytes) == "hello")

        var other = BodyCheck(print)
        #expect(other.received(buffer("hal")) == .different)
    }

    @Test("a log line escapes what is not printable, and closes")
    func logLines() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        var log = AccessLog(sink: sink)
        log.begin(now: UnixTime(0), id: RequestID(value: 0xAB))
        log.member("path", Array("/a\"\\\n\u{1}é".utf8))
        log.member("status", 200)
        log.endLine()
        log.flush()
        sink.close()
        sink.run()
        let text = pipe.readAll()
        #expect(
            text
                == #"{"time":"1970-01-01T00:00:00Z","level":"info","message":"request","id":"00000000000000ab","#
                + #""path":"/a\"\\\u000a\u0001\u00c3\u00a9","status":200}"# + "\n")
    }

    @Test("log lines that nobody reads are dropped, counted, and never grow")
    func droppedLines() throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd, limit: 10)
        sink.write(ByteBuffer(string: "123456789\n"))
        sink.write(ByteBuffer(string: "lost\n"))
        sink.write(ByteBuffer(string: "lost too\n"))
        sink.close()
        sink.run()
        let text = pipe.readAll()
        #expect(text.hasPrefix("123456789\n"))
        #expect(text.contains(#""count":2"#) && !text.contains("lost"))
    }

    @Test("a full desk refuses, a closed desk ends when its jobs have")
    func desk() async {
        let desk = RailDesk(limit: 2)
        let done = Tally()
        #expect(desk.submit { await done.add() })
        #expect(desk.submit { await done.add() })
        #expect(!desk.submit { await done.add() })
        desk.close()
        #expect(!desk.submit { await done.add() })
        await desk.run()
        #expect(await done.count == 2)
    }
}

private actor Tally {
    private(set) var count = 0

    func add() { count += 1 }
}
