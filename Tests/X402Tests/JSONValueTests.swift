import Foundation
import Testing
import X402

@Suite("JSON is parsed strictly")
struct JSONValueTests {
    @Test(
        "a text means what RFC 8259 says",
        arguments: [
            ("null", JSONValue.null), ("true", .bool(true)), ("false", .bool(false)),
            ("0", .number("0")), ("-0", .number("-0")), ("-12.50e+03", .number("-12.50e+03")), ("1E9", .number("1E9")),
            ("123456789012345678901234567890", .number("123456789012345678901234567890")),
            (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\t""#, .string("a\"\\/\u{8}\u{c}\n\r\t")),
            (#""\u0041\u00e9\u20AC\ud83d\ude00""#, .string("Aé€😀")), ("\"é€😀\"", .string("é€😀")),
            (#""\u0000""#, .string("\u{0}")), ("\"\u{7f}\"", .string("\u{7f}")),
            ("[]", .array([])), (" [ 1 , [ ] , { } ]\r\n\t", .array([.number("1"), .array([]), .object([])])),
            ("{}", .object([])),
            (
                #"{"b":1,"a":{"b":2}}"#,
                .object([JSONMember("b", .number("1")), JSONMember("a", .object([JSONMember("b", .number("2"))]))])
            ),
        ])
    func accepts(text: String, expected: JSONValue) throws {
        #expect(try JSONValue.parse(Array(text.utf8)) == expected)
    }

    @Test(
        "a text that is not JSON is refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "1_0",
            "\"", "\"a", "'a'", #""\x""#, #""\u12""#, #""\u12G4""#, "\"\t\"", "\"\n\"", "\"a\u{0}b\"", "\u{0}",
            "1\u{0}",
            "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "]", "{", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#,
            #"{,"a":1}"#,
            #"{"a":1 "b":2}"#, "{a:1}", #"{1:2}"#, "{} {}", "[] x", "// c\n1", "\u{feff}{}", #"{"a":1}}"#,
        ])
    func refusesSyntax(text: String) {
        #expect(throws: WireError.self) { try JSONValue.parse(Array(text.utf8)) }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
            [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x28, 0xA1],
        ] as [[UInt8]])
    func refusesBrokenUTF8(bytes: [UInt8]) {
        let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        #expect(throws: WireError(.badText, at: 1)) { try JSONValue.parse(text) }
        let escaped = Array(#""\n"#.utf8) + bytes + [UInt8(ascii: "\"")]
        #expect(throws: WireError(.badText, at: 3)) { try JSONValue.parse(escaped) }
    }

    @Test(
        "a surrogate without its other half is refused",
        arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #""\ud83d\n""#, #""\udc00\ud800""#])
    func refusesLoneSurrogates(text: String) {
        #expect(throws: WireError.self) { try JSONValue.parse(Array(text.utf8)) }
    }

    @Test(
        "a name twice in one object is refused, however it is spelled",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"x":{"a":1,"\u0061":2}}"#, #"[{"":1,"":2}]"#,
            #"{"\u00e9":1,"é":2}"#, #"{"a\/":1,"a/":2}"#, #"{"a":{"a":1},"a":2}"#,
        ])
    func refusesDuplicates(text: String) throws {
        let error = #expect(throws: WireError.self) { try JSONValue.parse(Array(text.utf8)) }
        #expect(error?.code == .duplicateKey)
    }

    @Test("the same name in different objects is no duplicate")
    func acceptsSameNameElsewhere() throws {
        let text = #"{"a":{"a":1},"b":{"a":1},"c":[{"a":1},{"a":2}],"A":0}"#
        #expect(try JSONValue.parse(Array(text.utf8)).encoded() == Array(text.utf8))
    }

    @Test("nesting ends at the limit", arguments: ["[", #"{"a":"#])
    func limitsDepth(open: String) throws {
        let close = open == "[" ? "]" : "}"
        func nested(_ depth: Int) -> [UInt8] {
            let inner = open == "[" ? "" : "1"
            return Array((String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONValue.parse(nested(16)) }
        let error = #expect(throws: WireError.self) { try JSONValue.parse(nested(17)) }
        #expect(error?.code == .tooDeep)
        #expect(throws: WireError.self) { try JSONValue.parse(nested(100_000)) }
    }

    @Test("open members end at the limit")
    func limitsMembers() throws {
        func object(_ count: Int) -> String { "{" + (0..<count).map { "\"k\($0)\":0" }.joined(separator: ",") + "}" }
        #expect(throws: Never.self) { try JSONValue.parse(Array(object(256).utf8)) }
        let error = #expect(throws: WireError.self) { try JSONValue.parse(Array(object(257).utf8)) }
        #expect(error?.code == .tooManyMembers)
        let many = "[" + Array(repeating: object(200), count: 10).joined(separator: ",") + "]"
        #expect(throws: Never.self) { try JSONValue.parse(Array(many.utf8)) }
    }

    @Test("bytes end at the limit")
    func limitsBytes() throws {
        let limits = JSONLimits(maxBytes: 4)
        #expect(try JSONValue.parse(Array("1234".utf8), limits: limits) == .number("1234"))
        #expect(throws: WireError(.tooLarge, at: 4)) { try JSONValue.parse(Array("12345".utf8), limits: limits) }
    }

    @Test("what is written is ASCII and means the same to another parser")
    func encodes() throws {
        let value = JSONValue.object([
            JSONMember("text", .string("\"\\/\u{0}\u{1f}\n\u{7f}é€😀")), JSONMember("é", .array([.null, .bool(true)])),
            JSONMember("n", .number("-1.5e3")), JSONMember("o", .object([])),
        ])
        let bytes = value.encoded()
        #expect(bytes.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(try JSONValue.parse(bytes) == value)
        let other = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(other["text"] as? String == "\"\\/\u{0}\u{1f}\n\u{7f}é€😀")
        #expect(other["n"] as? Double == -1500)
    }
}
