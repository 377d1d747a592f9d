import Primitives
import Testing

@testable import Pricing

@Suite("A charge")
struct ChargeTests {
    private static let asset = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)

    /// Input at a third of a unit's cost: 0.333… never comes out even.
    private static func meter(missing: UsageMeter.MissingRule = .estimate) throws -> UsageMeter {
        var terms = UsageMeter.Terms()
        terms.preset = .openai
        terms.rates = [
            ("request", try MeterRate("$0.0001")), ("input_tokens", try MeterRate("$0.50 / 1M")),
            ("output_tokens", try MeterRate("$2.50 / 1M")),
        ]
        terms.assumed = ["input_tokens": 1000, "output_tokens": 4000]
        terms.missing = missing
        return try UsageMeter(terms)
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var delivered = true
        var input = UsageFinding.missing
        var output = UsageFinding.missing
        var announced: UInt64?
        var missing = UsageMeter.MissingRule.estimate
        var isBounded = true
        var authorised: UInt64 = 10_600
        var amount: UInt64
        var reason: Charge.Reason
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "counted", input: .value(100), output: .value(40), amount: 250, reason: .metered),
        Row(name: "one unit more is rounded up", input: .value(101), output: .value(40), amount: 251, reason: .metered),
        Row(name: "both halves are rounded once", input: .value(1), output: .value(1), amount: 103, reason: .metered),
        Row(name: "counted as nothing", input: .value(0), output: .value(0), amount: 100, reason: .metered),
        Row(name: "nothing sent", delivered: false, input: .value(9), output: .value(9), amount: 0, reason: .nothing),
        Row(name: "nothing sent, whatever is announced", delivered: false, announced: 5, amount: 0, reason: .nothing),
        Row(name: "nothing seen", amount: 10_600, reason: .estimate),
        Row(name: "broken off behind the input", input: .value(100), amount: 10_150, reason: .estimate),
        Row(
            name: "nothing seen, and no estimate", input: .value(100), isBounded: false, amount: 10_600,
            reason: .estimate),
        Row(name: "counted, and no estimate", output: .value(40), isBounded: false, amount: 700, reason: .estimate),
        Row(name: "negative", input: .value(100), output: .unusable(.negative), amount: 10_150, reason: .estimate),
        Row(name: "absurd", input: .unusable(.absurd), output: .value(40), amount: 700, reason: .estimate),
        Row(name: "missing costs nothing", missing: .nothing, amount: 100, reason: .metered),
        Row(
            name: "unusable costs the estimate even so", output: .unusable(.fractional), missing: .nothing,
            amount: 10_100,
            reason: .estimate),
        Row(
            name: "more than was authorised", input: .value(100), output: .value(40_000), amount: 10_600,
            reason: .capped),
        Row(name: "an estimate above it", authorised: 500, amount: 500, reason: .capped),
        Row(
            name: "more than 64 bits can count", input: .value(UsageNumber.maximum),
            output: .value(UsageNumber.maximum),
            amount: 10_600, reason: .capped),
        Row(name: "announced", input: .value(100), output: .value(40), announced: 77, amount: 77, reason: .announced),
        Row(name: "announced as nothing", output: .value(40), announced: 0, amount: 0, reason: .announced),
        Row(name: "announced above it", output: .value(40), announced: 10_601, amount: 10_600, reason: .capped),
    ]

    @Test("follows its rules", arguments: rows)
    func rules(_ row: Row) throws {
        let meter = try Self.meter(missing: row.missing)
        let usage = AnswerUsage(
            isDelivered: row.delivered, findings: [.value(1), row.input, row.output],
            estimate: row.isBounded ? meter.estimate(OutputBounds(bodyBytes: 0)) : [1, 1000, nil],
            announced: row.announced.map { UInt256($0) })
        let charge = meter.charge(
            for: usage, at: try meter.tariff(in: Self.asset), authorised: UInt256(row.authorised))
        #expect(charge.amount == UInt256(row.amount))
        #expect(charge.reason == row.reason)
    }

    @Test("is never above what was authorised, never less for more, and rounded up once")
    func properties() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let decimals = Int.random(in: 0...18, using: &random)
            let asset = PricedAsset(id: "a", decimals: decimals, isDollarPegged: true)
            let texts = (0..<2).map { _ in
                let digits = UInt64.random(in: 1...999_999, using: &random)
                let scale = ["1", "1k", "1M", "1G"].randomElement(using: &random) ?? "1"
                return Bool.random(using: &random) ? "$0.\(digits) / \(scale)" : "\(digits) a / \(scale)"
            }
            var terms = UsageMeter.Terms()
            terms.rates = [("bytes", try MeterRate(texts[0])), ("seconds", try MeterRate(texts[1]))]
            let meter = try UsageMeter(terms)
            let tariff = try meter.tariff(in: asset)
            let counts = (0..<2).map { _ in UInt64.random(in: 0...UsageNumber.maximum, using: &random) }
            let amount = try #require(tariff.amount(of: counts))
            let sum = Self.sum(
                Self.exact(texts[0], counts[0], decimals, 0), Self.exact(texts[1], counts[1], decimals, 3))
            #expect(amount.description == sum, "seed \(seed): \(texts) \(counts) \(decimals)")
            let authorised = UInt256(UInt64.random(in: 0...UInt64.max, using: &random))
            let usage = AnswerUsage(isDelivered: true, findings: counts.map { .value($0) }, estimate: [1, 1000])
            let charge = meter.charge(for: usage, at: tariff, authorised: authorised)
            #expect(charge.amount == min(amount, authorised), "seed \(seed)")
            let more = try #require(tariff.amount(of: [counts[0], counts[1] + 1]))
            #expect(more >= amount, "seed \(seed)")
        }
    }

    /// The decimal digits of a cost in units of ten to the minus 40, the lowest first.
    private static func exact(_ text: String, _ count: UInt64, _ decimals: Int, _ shift: Int) -> [Int] {
        let scale = text.hasSuffix("k") ? 3 : text.hasSuffix("M") ? 6 : text.hasSuffix("G") ? 9 : 0
        let isDollars = text.hasPrefix("$")
        let digits = text.dropFirst(isDollars ? 3 : 0).prefix { $0.isNumber }
        let power = 40 - scale - shift + (isDollars ? decimals - digits.count : 0)
        let product = UInt256(UInt64(digits) ?? 0).multiplied(by: count) ?? .zero
        return Array(repeating: 0, count: power) + product.description.reversed().compactMap(\.wholeNumberValue)
    }

    /// Adds two costs digit by digit and rounds up to whole units.
    private static func sum(_ one: [Int], _ two: [Int]) -> String {
        var digits: [Int] = []
        var carry = 0
        for place in 0...max(one.count, two.count, 41) {
            let digit = (place < one.count ? one[place] : 0) + (place < two.count ? two[place] : 0) + carry
            digits.append(digit % 10)
            carry = digit / 10
        }
        var whole = Array(digits[40...])
        carry = digits[..<40].allSatisfy { $0 == 0 } ? 0 : 1
        for place in whole.indices {
            let digit = whole[place] + carry
            whole[place] = digit % 10
            carry = digit / 10
        }
        let text = whole.reversed().drop { $0 == 0 }.map(String.init).joined()
        return text.isEmpty ? "0" : text
    }
}
