import Testing

@testable import Pricing

@Suite("A usage scanner")
struct UsageScannerTests {
    struct Line: CustomTestStringConvertible, Sendable {
        var body: String
        var found: UsageFinding
        var testDescription: String { body }

        init(_ body: String, _ found: UsageFinding) { (self.body, self.found) = (body, found) }
    }

    static let numbers: [Line] = [
        Line(#"{"usage":{"tokens":7}}"#, .value(7)),
        Line(#" { "usage" : { "tokens" : 7 } } "#, .value(7)),
        Line(#"{"usage":{"tokens":0}}"#, .value(0)),
        Line(#"{"usage":{"tokens":1000000000000000}}"#, .value(1_000_000_000_000_000)),
        Line(#"{"usage":{"tokens":1000000000000001}}"#, .unusable(.absurd)),
        Line(#"{"usage":{"tokens":99999999999999999999999999999999}}"#, .unusable(.absurd)),
        Line(#"{"usage":{"tokens":-1}}"#, .unusable(.negative)),
        Line(#"{"usage":{"tokens":-0}}"#, .unusable(.negative)),
        Line(#"{"usage":{"tokens":1.5}}"#, .unusable(.fractional)),
        Line(#"{"usage":{"tokens":7.0}}"#, .unusable(.fractional)),
        Line(#"{"usage":{"tokens":1e3}}"#, .unusable(.fractional)),
        Line(#"{"usage":{"tokens":"7"}}"#, .unusable(.notANumber)),
        Line(#"{"usage":{"tokens":true}}"#, .unusable(.notANumber)),
        Line(#"{"usage":{"tokens":{}}}"#, .unusable(.notANumber)),
        Line(#"{"usage":{"tokens":[7]}}"#, .unusable(.notANumber)),
        Line(#"{"usage":{"tokens":null}}"#, .missing),
        Line(#"{"usage":null}"#, .missing),
        Line(#"{"usage":[{"tokens":7}]}"#, .missing),
        Line(#"{"usage":{"Tokens":7}}"#, .missing),
        Line(#"{"usage":{"token":7,"tokens2":7}}"#, .missing),
        Line(#"{"tokens":7}"#, .missing),
        Line(#"{"a":{"usage":{"tokens":7}}}"#, .missing),
        Line(#"[{"usage":{"tokens":7}}]"#, .missing),
        Line("", .missing), Line("   ", .missing), Line("7", .missing), Line("hello", .missing),
    ]

    @Test("reads whole numbers and tells the others apart", arguments: numbers)
    func reads(_ line: Line) {
        #expect(MeteringSamples.findings(line.body, [["usage.tokens"]]) == [line.found])
    }

    static let places: [Line] = [
        // Escapes in names.
        Line(#"{"us\u0061ge":{"tok\u0065ns":7}}"#, .value(7)),
        Line(#"{"\u0075\u0073\u0061\u0067\u0065":{"tokens":7}}"#, .value(7)),
        Line(#"{"usage\u0000":{"tokens":7}}"#, .missing),
        Line(#"{"usage\n":{"tokens":7}}"#, .missing),
        Line(#"{"usage\ud83d":{"tokens":7}}"#, .missing),
        // What looks like usage in a string is none.
        Line(#"{"text":"\"usage\":{\"tokens\":9}","usage":{"tokens":7}}"#, .value(7)),
        Line(#"{"text":"\\","usage":{"tokens":7}}"#, .value(7)),
        Line(#"{"text":"\\\"","usage":{"tokens":7},"b":"}"}"#, .value(7)),
        Line(#"{"a":[{"b":"]}"},[[]],{}],"usage":{"a":{"tokens":8},"tokens":7}}"#, .value(7)),
        // The larger of two in one object, however they are spelled or nested.
        Line(#"{"usage":{"tokens":7,"tokens":5}}"#, .value(7)),
        Line(#"{"usage":{"tokens":5,"tokens":7}}"#, .value(7)),
        Line(#"{"usage":{"tokens":5,"t\u006fkens":7}}"#, .value(7)),
        Line(#"{"usage":{"tokens":5},"usage":{"tokens":7}}"#, .value(7)),
        Line(#"{"usage":{"tokens":7},"usage":{}}"#, .value(7)),
        Line(#"{"usage":{"tokens":7,"tokens":-1}}"#, .unusable(.negative)),
        Line(#"{"usage":{"tokens":-1,"tokens":7}}"#, .unusable(.negative)),
        Line(#"{"usage":{"tokens":7,"tokens":null}}"#, .value(7)),
        // No JSON has said nothing.
        Line(#"{"usage":{"tokens":7}}}"#, .missing), Line(#"{"usage":{"tokens":7}} x"#, .missing),
        Line(#"{"usage":{"tokens":7,}}"#, .missing), Line(#"{"usage":{"tokens":07}}"#, .missing),
        Line(#"{"usage":{"tokens":7]}"#, .missing), Line(#"{"usage" {"tokens":7}}"#, .missing),
        Line(#"{"usage":{"tokens":7.}}"#, .missing), Line(#"{"usage":{"tokens":+7}}"#, .missing),
        Line(#"{"usage":{"tokens":7x}}"#, .missing), Line(#"{'usage':{"tokens":7}}"#, .missing),
        Line(#"{"usage":{"tokens":7}}{"usage":{"tokens":8}}"#, .missing),
        // Broken off: what stood there whole was seen, a number at the cut was not.
        Line(#"{"usage":{"tokens":7,"#, .value(7)), Line(#"{"usage":{"tokens":7"#, .missing),
        Line(#"{"usage":{"tokens":7}"#, .value(7)), Line(#"{"usage":{"tok"#, .missing),
    ]

    @Test("finds its paths and nothing else", arguments: places)
    func finds(_ line: Line) {
        #expect(MeteringSamples.findings(line.body, [["usage.tokens"]]) == [line.found])
    }

    @Test("says the same however a body is cut", arguments: numbers + places)
    func cuts(_ line: Line) {
        let body = Array(line.body.utf8)
        let shape = MeteringSamples.shape([["usage.tokens"]])
        for cut in body.indices {
            #expect(MeteringSamples.scan(body, shape, .document, cuts: [cut]).findings == [line.found], "at \(cut)")
        }
        let all = MeteringSamples.scan(body, shape, .document, cuts: Array(body.indices))
        #expect(all.findings == [line.found], "byte by byte")
    }

    @Test("sees whole names in whole alphabets")
    func alphabets() {
        let body = #"{"größe":{"число":3},"gr\u00f6\u00dfe":{"\u0447исло":4},"\ud83d\ude00":5}"#
        let found = MeteringSamples.findings(body, [["größe.число"], ["😀"]])
        #expect(found == [.value(4), .value(5)])
    }

    @Test("goes through the elements of arrays, of which the last counts")
    func elements() {
        let slots = [["*.usage.tokens"]]
        let body = #"[{"usage":{"tokens":3,"tokens":5}},{"text":"x"},{"usage":{"tokens":4}}, 7, []]"#
        #expect(MeteringSamples.findings(body, slots) == [.value(4)])
        let every = MeteringSamples.shape(slots, succession: .every)
        #expect(MeteringSamples.scan(Array(body.utf8), every, .document).findings == [.value(9)])
    }

    @Test("steps over nesting of any depth")
    func depth() {
        let deep = String(repeating: #"[{"a":"#, count: 20_000) + "1" + String(repeating: "}]", count: 20_000)
        #expect(MeteringSamples.findings(#"{"x":\#(deep),"usage":{"tokens":7}}"#, [["usage.tokens"]]) == [.value(7)])
    }

    @Test("takes the last of the lines that say something, or all of them")
    func lines() {
        let body = "{\"n\":3}\n\n{\"n\":null}\r\n{\"n\":5}\nno json {\"n\":9}\n{\"m\":1}\n{\"n\":4}"
        #expect(MeteringSamples.findings(body, [["n"]], .lines) == [.value(4)])
        let every = MeteringSamples.shape([["n"]], succession: .every)
        #expect(MeteringSamples.scan(Array(body.utf8), every, .lines).findings == [.value(12)])
    }

    @Test("calls a sum beyond every measure absurd")
    func absurdSum() {
        let body = String(repeating: "{\"n\":600000000000000}\n", count: 2)
        let every = MeteringSamples.shape([["n"]], succession: .every)
        #expect(MeteringSamples.scan(Array(body.utf8), every, .lines).findings == [.unusable(.absurd)])
    }

    @Test("reads field values as decimal digits alone")
    func fields() {
        let expected: [(String, UsageFinding)] = [
            ("0", .value(0)), ("12", .value(12)), ("-1", .unusable(.negative)), ("1.5", .unusable(.fractional)),
            ("", .unusable(.notANumber)), ("1 ", .unusable(.notANumber)), ("0x10", .unusable(.notANumber)),
            ("1000000000000001", .unusable(.absurd)),
            (String(repeating: "9", count: 99), .unusable(.absurd)),
        ]
        for (text, finding) in expected {
            #expect(Array(text.utf8).withUnsafeBytes { UsageNumber.read($0) } == finding, "\(text)")
        }
    }
}
