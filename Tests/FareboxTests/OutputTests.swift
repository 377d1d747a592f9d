import EVM
import Logging
import Primitives
import Testing
import X402

@testable import farebox

@Suite("What people and programs read")
struct OutputTests {
    @Test("a table is as wide as its cells, without blanks at the ends of its lines")
    func table() {
        var table = TextTable([
            TextTable.Column(title: "NAME"), TextTable.Column(title: "N", isRightAligned: true),
            TextTable.Column(title: "LAST"),
        ])
        table.rows = [["a", "1", "x"], ["longer", "1000", ""]]
        #expect(table.lines == ["NAME       N  LAST", "a          1  x", "longer  1000"])
    }

    @Test("pairs leave out what is not there")
    func pairs() {
        var pairs = TextPairs()
        pairs.add("one", "1")
        pairs.add("none", nil)
        pairs.add("three", "3")
        #expect(pairs.lines(indent: "> ") == ["> one    1", "> three  3"])
    }

    @Test("a log line is one line of JSON, its members in order")
    func logLine() throws {
        let line = LogLine.text(
            UnixTime(1_800_000_000), .warning, "it \"said\"\n so",
            ["b": "2", "a": ["x", "y"], "c": ["k": "v"], "time": "forged"])
        #expect(line.hasSuffix("}\n"))
        #expect(line.dropLast().allSatisfy { $0 != "\n" })
        let json = try JSONValue.parse(Array(line.utf8))
        #expect(json["time"] == .string("2027-01-15T08:00:00Z"))
        #expect(json["level"] == .string("warning"))
        #expect(json["message"] == .string("it \"said\"\n so"))
        guard case .object(let members) = json else {
            Issue.record("not an object")
            return
        }
        #expect(members.map(\.key) == ["time", "level", "message", "a", "b", "c"])
        #expect(json["a"] == .array([.string("x"), .string("y")]))
        #expect(json["c"]?["k"] == .string("v"))
    }

    @Test("members that are nil are left out of JSON")
    func members() {
        #expect(JSONValue.members(["a": .integer(1), "b": nil, "c": .text(nil)]).line == #"{"a":1}"#)
    }
}

@Suite("How many loops run")
struct LoopCountTests {
    @Test(
        "the option, then the environment, then the cores",
        arguments: [
            (3, ["FAREBOX_LOOPS": "2"], 3), (nil, ["FAREBOX_LOOPS": "2"], 2), (nil, [:], 4),
            (0, [:], nil), (257, [:], nil), (nil, ["FAREBOX_LOOPS": "many"], nil), (nil, ["FAREBOX_LOOPS": "-1"], nil),
        ] as [(Int?, [String: String], Int?)])
    func choice(option: Int?, environment: [String: String], count: Int?) {
        #expect(LoopCount.choose(option: option, environment: environment, cores: 4) == count)
    }
}

@Suite("The payer's key")
struct PayerKeyTests {
    private let key = String(repeating: "1", count: 64)

    @Test("it comes from the environment, with or without 0x")
    func read() throws {
        let plain = try PayerKey.read("K", environment: ["K": key])
        #expect(try PayerKey.read("K", environment: ["K": "0x" + key]).address == plain.address)
    }

    @Test("a mistake never shows what the variable holds")
    func mistakes() {
        #expect(throws: PayerKey.Missing.unset(variable: "K")) { try PayerKey.read("K", environment: [:]) }
        #expect(throws: PayerKey.Missing.unset(variable: "K")) { try PayerKey.read("K", environment: ["K": ""]) }
        let secret = "secret" + key
        #expect(throws: PayerKey.Missing.malformed(variable: "K")) {
            try PayerKey.read("K", environment: ["K": secret])
        }
        #expect(!PayerKey.Missing.malformed(variable: "K").reason.contains("secret"))
    }
}
