import Pricing
import Primitives
import Testing

@Suite("Price rules")
struct PriceRuleTests {
    // MARK: Values

    struct ValueCase: Sendable, CustomTestStringConvertible {
        var test: String
        var reading: FieldReading
        var expected: Verdict

        init(_ test: String, _ reading: FieldReading, _ expected: Verdict) {
            (self.test, self.reading, self.expected) = (test, reading, expected)
        }

        var testDescription: String { "\(test) on \(reading)" }
    }

    @Test(
        "hold, fail or stay in doubt by every reading of a value",
        arguments: [
            ValueCase("gold", .text("gold"), .holds),
            ValueCase("gold", .text("silver"), .fails),
            ValueCase("gold", .text("Gold"), .doubtful(.otherSpelling)),
            ValueCase("gold", .text(" gold"), .doubtful(.otherSpelling)),
            ValueCase("gold", .absent, .fails),
            ValueCase("gold", .doubtful(.repeated), .doubtful(.repeated)),
            ValueCase("gold", .structure, .doubtful(.structure)),
            ValueCase("gpt-4o*", .text("gpt-4o-mini"), .holds),
            ValueCase("gpt-4o*", .text("gpt-4"), .fails),
            ValueCase("gpt-4o*", .text("GPT-4o"), .doubtful(.otherSpelling)),
            ValueCase("*-mini", .text("gpt-4o-mini"), .holds),
            ValueCase("a*b*c", .text("a-b-b-c"), .holds),
            ValueCase("a*b*c", .text("a-c-b"), .fails),
            ValueCase("a\\*", .text("a*"), .holds),
            ValueCase("a\\*", .text("ab"), .fails),
            ValueCase("task", .text("ta\u{17F}\u{212A}"), .doubtful(.otherSpelling)),
            ValueCase("!= basic", .text("gold"), .holds),
            ValueCase("!= basic", .text("basic"), .fails),
            ValueCase("!= basic", .text("BASIC"), .doubtful(.otherSpelling)),
            ValueCase("!= basic", .absent, .fails),
            ValueCase("2", .number("2"), .holds),
            ValueCase("2", .number("2.0"), .doubtful(.otherSpelling)),
            ValueCase("true", .bool(true), .holds),
            ValueCase("true", .bool(false), .fails),
            ValueCase(">= 1024", .text("1024"), .holds),
            ValueCase(">= 1024", .number("1024.0"), .holds),
            ValueCase(">= 1024", .number("1.0239e3"), .fails),
            ValueCase(">= 1024", .text("01024"), .doubtful(.notANumber)),
            ValueCase(">= 1024", .text("+1024"), .doubtful(.notANumber)),
            ValueCase(">= 1024", .text("0x400"), .doubtful(.notANumber)),
            ValueCase(">= 1024", .text(""), .doubtful(.notANumber)),
            ValueCase("> 5, <= 10", .number("10"), .holds),
            ValueCase("> 5, <= 10", .number("5"), .fails),
            ValueCase("!= 0", .number("-0"), .fails),
            ValueCase("< 0", .number("-0.000001"), .holds),
            ValueCase("= 0.1", .number("0.1000000000000000055511151231257827"), .fails),
            ValueCase("< 1", .number("0.99999999999999999999999999999999999999"), .holds),
        ])
    func values(_ value: ValueCase) throws {
        #expect(try ValueTest.parse(value.test).verdict(on: value.reading) == value.expected)
    }

    @Test("leave truth values of other kinds in doubt, and take presence of anything")
    func boolsAndPresence() {
        #expect(ValueTest.bool(true).verdict(on: .bool(true)) == .holds)
        for reading in [FieldReading.text("true"), .number("1"), .text("yes")] {
            #expect(ValueTest.bool(true).verdict(on: reading) == .doubtful(.notABool))
        }
        #expect(ValueTest.present.verdict(on: .structure) == .holds)
        #expect(ValueTest.present.verdict(on: .doubtful(.tooLong)) == .holds)
        #expect(ValueTest.absent.verdict(on: .absent) == .holds)
        #expect(ValueTest.absent.verdict(on: .doubtful(.otherName)) == .doubtful(.otherName))
        #expect(ValueTest.any([.present, .absent]).verdict(on: .absent) == .holds)
    }

    @Test("are told what cannot be read", arguments: ["", "!=", ">= big", ">", "> 5 <= 10", "> 5,"])
    func unreadable(_ text: String) {
        #expect(throws: ValueTestError.self) { try ValueTest.parse(text) }
    }

    @Test("compare decimals as whole numbers of small units do")
    func decimals() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let (left, right) = (Self.number(&random), Self.number(&random))
            let one = try #require(ExactDecimal(left.text.utf8), "\(left.text)")
            let two = try #require(ExactDecimal(right.text.utf8), "\(right.text)")
            #expect((one < two) == (left.millionths < right.millionths), "\(left.text) \(right.text), seed \(seed)")
            #expect((one == two) == (left.millionths == right.millionths), "\(left.text) \(right.text), seed \(seed)")
        }
    }

    private static func number(_ random: inout SeededGenerator) -> (text: String, millionths: Int) {
        let digits = Int.random(in: 0...9999, using: &random)
        let places = Int.random(in: 0...4, using: &random)
        let sign = Bool.random(using: &random) ? -1 : 1
        var millionths = digits * 100
        for _ in places..<4 { millionths *= 10 }
        var text = String(digits)
        while text.count <= places { text = "0" + text }
        if places > 0 { text = text.dropLast(places) + "." + text.suffix(places) }
        if Bool.random(using: &random) {
            text += Bool.random(using: &random) ? "e2" : "E-2"
            millionths = text.hasSuffix("e2") ? millionths * 100 : millionths / 100
        }
        return ((sign < 0 ? "-" : "") + text, sign * millionths)
    }

    // MARK: Time

    @Test(
        "open windows at their minute, in their days and at their distance from UTC",
        arguments: [
            // 2026-11-27 is a Friday.
            ("Mon-Fri 08:00-18:00", "27 07:59", false), ("Mon-Fri 08:00-18:00", "27 08:00", true),
            ("Mon-Fri 08:00-18:00", "27 17:59", true), ("Mon-Fri 08:00-18:00", "27 18:00", false),
            ("Mon-Fri 08:00-18:00", "28 12:00", false), ("Sat,Sun", "28 12:00", true), ("sat,sun", "30 00:00", false),
            ("22:00-06:00", "27 23:00", true), ("22:00-06:00", "28 05:59", true), ("22:00-06:00", "28 06:00", false),
            ("Fri 22:00-06:00", "28 05:00", true), ("Fri 22:00-06:00", "27 05:00", false),
            ("Fri 08:00-24:00", "27 23:59", true), ("Fri 08:00-00:00", "27 23:59", true),
            ("Sat 00:00-01:00 +02:00", "27 22:30", true), ("Fri 20:00-22:00 -05:30", "28 02:00", true),
            ("Fri-Mon", "29 12:00", true), ("08:00-09:00 UTC", "27 08:30", true),
        ])
    func windows(_ text: String, _ moment: String, _ expected: Bool) throws {
        let parts = moment.split(whereSeparator: { $0 == " " || $0 == ":" }).compactMap { Int64($0) }
        let firstOfNovember: Int64 = 1_793_491_200
        let time = UnixTime(firstOfNovember + (parts[0] - 1) * 86_400 + parts[1] * 3600 + parts[2] * 60)
        let window = try #require(TimeWindow(text))
        #expect(window.contains(time) == expected)
        #expect(window.description == text)
    }

    @Test(
        "are told of what is no window",
        arguments: [
            "", "Mo", "Mon-", "8:00-18:00", "08:00", "25:00-26:00", "08:00-08:00", "08:60-09:00", "+02:00",
            "Mon 08:00-18:00 Paris", "08:00-18:00 Mon",
        ])
    func noWindows(_ text: String) {
        #expect(TimeWindow(text) == nil)
    }

    // MARK: Tables

    private static func table(_ rules: [PriceRule], fields: [PriceField] = []) -> PriceTable {
        PriceTable(fields: fields, rules: rules, fallback: .amount(0), amounts: [])
    }

    private static func facts(_ method: String = "GET", _ readings: [FieldReading] = []) -> QuoteFacts {
        QuoteFacts(method: method, now: UnixTime(0), readings: readings)
    }

    @Test("ask by the first that applies, else the default")
    func order() throws {
        let fields = [PriceField.header("x-tier"), .query("size")]
        let table = Self.table(
            [
                PriceRule(
                    name: "both",
                    conditions: [.field(0, try .parse("gold")), .field(1, try .parse("> 9"))], amount: 1),
                PriceRule(name: "gold", conditions: [.field(0, try .parse("gold"))], amount: 2),
                PriceRule(name: "post", conditions: [.method(["POST"])], amount: 3),
            ], fields: fields)
        #expect(table.quote(for: Self.facts("GET", [.text("gold"), .text("10")])) == .priced(amount: 1, rule: 0))
        #expect(table.quote(for: Self.facts("GET", [.text("gold"), .text("9")])) == .priced(amount: 2, rule: 1))
        #expect(table.quote(for: Self.facts("POST", [.absent, .absent])) == .priced(amount: 3, rule: 2))
        #expect(table.quote(for: Self.facts("GET", [.absent, .absent])) == .priced(amount: 0, rule: nil))
        // A doubt counts only where nothing else fails.
        #expect(table.quote(for: Self.facts("GET", [.text("x"), .text("big")])) == .priced(amount: 0, rule: nil))
        let refusal = QuoteRefusal(field: .query("size"), doubt: .notANumber)
        #expect(table.quote(for: Self.facts("GET", [.text("gold"), .text("big")])) == .refused(refusal))
    }

    @Test("price HEAD as GET, and refuse a method that some servers run as another")
    func methods() {
        let table = Self.table([PriceRule(name: "get", conditions: [.method(["GET"])], amount: 1)])
        #expect(table.quote(for: Self.facts("HEAD")) == .priced(amount: 1, rule: 0))
        #expect(table.quote(for: Self.facts("POST")) == .priced(amount: 0, rule: nil))
        for method in ["get", "FOO"] {
            #expect(
                table.quote(for: Self.facts(method)) == .refused(QuoteRefusal(field: nil, doubt: .unknownMethod)))
        }
    }

    @Test("say what they need, and only when nothing else fails")
    func needs() throws {
        let table = Self.table(
            [
                PriceRule(
                    name: "model", conditions: [.method(["POST"]), .field(0, try .parse("gpt*"))], amount: 1),
                PriceRule(
                    name: "regular", conditions: [.paid(try #require(VolumeComparison.list(">= $100", .dollars)))],
                    amount: 2),
            ], fields: [.body(["model"])])
        var facts = Self.facts("POST", [.absent])
        #expect(table.quote(for: facts) == .needs(.body))
        facts.isBodyRead = true
        #expect(table.quote(for: facts) == .needs(.payer))
        facts.paid = PayerVolume(paid: 99_999_999_999)
        #expect(table.quote(for: facts) == .priced(amount: 0, rule: nil))
        facts.paid = PayerVolume(paid: 100_000_000_000)
        #expect(table.quote(for: facts) == .priced(amount: 2, rule: 1))
        facts.readings = [.text("gpt-4")]
        #expect(table.quote(for: facts) == .priced(amount: 1, rule: 0))
    }

    @Test("of two tables, the one with a rule more differs only where that rule applies")
    func ruleOrder() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        let words = ["a", "b", "c", "a*", "*", "!= a"]
        for _ in 0..<500 {
            let fields = (0..<3).map { PriceField.query("q\($0)") }
            let rules = try (0..<5).map { index in
                let conditions = try (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let word = words.randomElement(using: &random) ?? "a"
                    return PriceCondition.field(Int.random(in: 0..<3, using: &random), try .parse(word))
                }
                return PriceRule(name: "\(index)", conditions: conditions, amount: index + 1)
            }
            let facts = Self.facts(
                "GET", (0..<3).map { _ in .text(["a", "b", "ab"].randomElement(using: &random) ?? "a") })
            let applying = rules.indices.filter {
                Self.table(rules, fields: fields).outcome(of: rules[$0], facts) == .applies
            }
            let expected =
                applying.first.map { Quote.priced(amount: $0 + 1, rule: $0) } ?? .priced(amount: 0, rule: nil)
            #expect(Self.table(rules, fields: fields).quote(for: facts) == expected, "seed \(seed)")
            // Without the rule that decided, the next that applies does.
            guard let first = applying.first else { continue }
            let rest = Array(rules[..<first] + rules[(first + 1)...])
            let next = applying.dropFirst().first
            let second = next.map { Quote.priced(amount: $0 + 1, rule: $0 - 1) } ?? .priced(amount: 0, rule: nil)
            #expect(Self.table(rest, fields: fields).quote(for: facts) == second, "seed \(seed)")
        }
    }
}
