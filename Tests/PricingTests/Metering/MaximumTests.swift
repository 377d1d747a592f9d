import Primitives
import Testing

@testable import Pricing

@Suite("The most that an answer can cost")
struct MaximumTests {
    private static let asset = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)

    /// A unit for two bytes of the request, two and a half for a token out, 100 for the request.
    private static func meter(_ preset: MeterPreset?, assumed: [String: UInt64] = [:]) throws -> UsageMeter {
        var terms = UsageMeter.Terms()
        terms.preset = preset
        terms.rates = [
            ("request", try MeterRate("$0.0001")), ("input_tokens", try MeterRate("$0.50 / 1M")),
            ("output_tokens", try MeterRate("$2.50 / 1M")),
        ]
        terms.assumed = assumed
        terms.isBoundedByRequest = true
        return try UsageMeter(terms)
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var preset = MeterPreset.openai
        var body: String
        var assumed: [String: UInt64] = [:]
        var most: UInt64?
        var testDescription: String { body.isEmpty ? "no body" : body }
    }

    static let rows: [Row] = [
        Row(body: #"{"max_tokens":40}"#, most: 100 + 9 + 100),
        Row(body: #"{"max_completion_tokens":40,"n":2}"#, most: 100 + 17 + 200),
        Row(body: #"{"max_tokens":40,"max_tokens":80}"#, most: 100 + 17 + 200),
        Row(body: #"{"MAX_TOKENS":80,"max_tokens":40}"#, most: 100 + 17 + 200),
        Row(body: #"{"max_tokens":1}"#, most: 100 + 8 + 3),
        // Servers take zero for no limit.
        Row(body: #"{"max_tokens":0}"#),
        Row(body: #"{"max_tokens":0,"max_completion_tokens":40}"#),
        Row(body: #"{"max_completion_tokens":40,"max_tokens":-1}"#),
        Row(preset: .ollama, body: #"{"options":{"num_predict":0}}"#),
        Row(preset: .anthropic, body: #"{"max_tokens":40}"#, most: 100 + 9 + 100),
        Row(preset: .ollama, body: #"{"options":{"num_predict":40}}"#, most: 100 + 15 + 100),
        Row(preset: .ollama, body: #"{"options":{"num_predict":-1}}"#),
        Row(body: #"{"messages":[]}"#),
        Row(body: #"{"max_tokens":"40"}"#),
        Row(body: #"{"max_tokens":40.5}"#),
        Row(body: #"{"max_tokens":40"#),
        Row(body: "max_tokens=40"),
        Row(body: ""),
        Row(body: #"{"max_tokens":40}"#, assumed: ["input_tokens": 1000, "output_tokens": 9], most: 100 + 500 + 100),
        Row(body: #"{"max_tokens":40}"#, assumed: ["input_tokens": 2], most: 100 + 9 + 100),
    ]

    @Test("is what the request bounds it to, and nothing where it does not", arguments: rows)
    func most(_ row: Row) throws {
        let meter = try Self.meter(row.preset, assumed: row.assumed)
        var reader = try #require(meter.bounds).reader()
        var body = row.body
        body.withUTF8 { reader.scan(UnsafeRawBufferPointer($0)) }
        let most = meter.most(reader.finish(), at: try meter.tariff(in: Self.asset))
        #expect(most == row.most.map { UInt256($0) })
    }

    @Test("is at least a unit, so that it can be asked for")
    func unit() throws {
        var terms = UsageMeter.Terms()
        terms.preset = .openai
        terms.rates = [("output_tokens", try MeterRate("$2.50 / 1M"))]
        terms.isBoundedByRequest = true
        let meter = try UsageMeter(terms)
        var bounds = OutputBounds(bodyBytes: 9)
        bounds.output = .value(0)
        #expect(meter.most(bounds, at: try meter.tariff(in: Self.asset)) == UInt256(1))
    }

    @Test("cannot come from a request that bounds nothing", arguments: ["seconds", "bytes", "input_tokens"])
    func unbounded(quantity: String) throws {
        var terms = UsageMeter.Terms()
        terms.rates = [(quantity, try MeterRate("$2.50 / 1M"))]
        terms.usage = quantity == "input_tokens" ? [quantity: try UsagePlace("header:x-in")] : [:]
        terms.isBoundedByRequest = true
        #expect(throws: MeterError.unbounded(quantity)) { try UsageMeter(terms) }
    }
}
