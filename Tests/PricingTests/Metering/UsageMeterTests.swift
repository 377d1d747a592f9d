import Primitives
import Testing

@testable import Pricing

@Suite("A usage meter")
struct UsageMeterTests {
    static let mistakes: [(text: String, error: MeterError)] = [
        ("", .notARate), ("free", .notARate), ("2.50 / 1M", .notARate), ("$2.50/1M", .notARate),
        ("$2.50 / 2M", .notAScale), ("$2.50 / M", .notAScale), ("$2.50 / 1m", .notAScale),
        ("$2.50 / 1M / 1k", .notARate), ("$2.50 / 1M, 7 eurc@base", .notAScale), ("$0 / 1M", .price(.zero)),
        ("$-1 / 1M", .price(.notADollarAmount)),
    ]

    @Test("refuses a rate for a reason", arguments: mistakes)
    func rates(_ line: (text: String, error: MeterError)) {
        #expect(throws: line.error) { try MeterRate(line.text) }
    }

    @Test("has a rate for each asset, by its own units before the dollars")
    func assets() throws {
        var terms = UsageMeter.Terms()
        terms.rates = [("bytes", try MeterRate("$2.50, 7 eurc@base / 1k"))]
        terms.assumed = ["bytes": 1]
        let meter = try UsageMeter(terms)
        #expect(meter.namedAssets == ["eurc@base"])
        let dollar = try meter.tariff(in: PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true))
        #expect(dollar.amount(of: [1]) == UInt256(2500))
        let euro = try meter.tariff(in: PricedAsset(id: "eurc@base", decimals: 6, isDollarPegged: false))
        #expect(euro.amount(of: [1]) == UInt256(1))
        #expect(euro.amount(of: [1001]) == UInt256(8))
        #expect(throws: PriceError.notPegged(asset: "weth@base")) {
            try meter.tariff(in: PricedAsset(id: "weth@base", decimals: 18, isDollarPegged: false))
        }
    }

    @Test("must know where each quantity is read")
    func terms() throws {
        func error(_ change: (inout UsageMeter.Terms) -> Void) -> MeterError? {
            var terms = UsageMeter.Terms()
            change(&terms)
            do throws(MeterError) {
                _ = try UsageMeter(terms)
                return nil
            } catch {
                return error
            }
        }
        let rate = try MeterRate("$1 / 1M")
        #expect(error { _ in } == .nothingCounted)
        #expect(error { $0.rates = [("request", rate)] } == nil)
        #expect(error { $0.rates = [("bytes", rate)] } == nil)
        #expect(error { $0.rates = [("output_tokens", rate)] } == .unknownQuantity("output_tokens"))
        #expect(
            error {
                $0.rates = [("output_tokens", rate)]
                $0.preset = .openai
            } == nil)
        #expect(
            error {
                $0.rates = (0...UsageShape.maximumPaths).map { ("n\($0)", rate) }
                for (name, _) in $0.rates {
                    $0.assumed[name] = 1
                    $0.usage[name] = UsagePath("usage." + name).map { .path($0) }
                }
            } == .tooManyPaths)
    }

    @Test("reads paths and fields, and refuses what is neither")
    func places() throws {
        #expect(try UsagePlace("header:X-Tokens") == .header("x-tokens"))
        #expect(try UsagePlace("trailer:Usage_2") == .trailer("usage_2"))
        #expect(try UsagePlace("a.*.b") == UsagePath("a.*.b").map { .path($0) })
        for text in ["", "a..b", ".a", "a.", "header:", "header:a b", "header:a:b", "footer:a", "a b"]
            + [Array(repeating: "a", count: 9).joined(separator: "."), String(repeating: "a", count: 64)]
        {
            #expect(throws: MeterError.notASource, "\(text)") { try UsagePlace(text) }
        }
    }

    @Test("counts bytes, time, fields and reports")
    func findings() throws {
        var terms = UsageMeter.Terms()
        let rate = try MeterRate("$1")
        terms.rates = ["seconds", "bytes", "request", "units", "input_tokens"].map { ($0, rate) }
        terms.preset = .anthropic
        terms.assumed = ["units": 5]
        terms.usage["units"] = try UsagePlace("header:x-units")
        let meter = try UsageMeter(terms)
        let elapsed = Duration.milliseconds(1500) + .nanoseconds(1)
        let report: [UsageFinding] = [.value(2), .missing, .value(3)]
        let found = meter.findings(report: report, bytes: 9, elapsed: elapsed) { source in
            source == .header(name: "x-units") ? .value(8) : .missing
        }
        #expect(found == [.value(1501), .value(9), .value(1), .value(8), .value(5)])
        let unread = meter.findings(report: nil, bytes: 9, elapsed: elapsed) { _ in .missing }
        #expect(unread.last == .missing)
        #expect(meter.estimate(OutputBounds(bodyBytes: 70)) == [nil, nil, 1, 5, 70])
    }

    static let overrides: [(text: String, amount: UInt64?)] = [
        (#"{"amount":"1000"}"#, 1000), (#"{"amount":"0"}"#, 0), (#"{"amount":250}"#, 250),
        (#"{"amount":"50%"}"#, 5000), (#"{"amount":"33.33%"}"#, 3333), (#"{"amount":"0.01%"}"#, 1),
        (#"{"amount":"0.5%"}"#, 50), (#"{"amount":"200%"}"#, 20_000), (#"{"amount":"$0.05"}"#, 50_000),
        (#"{"amount":"$0"}"#, 0), (#"{"amount":"$0.0000001"}"#, 1), (#" { "other": 1, "amount": "5" } "#, 5),
        (#"{"amount":"-1"}"#, nil), (#"{"amount":-1}"#, nil), (#"{"amount":1.5}"#, nil), (#"{"amount":"1e3"}"#, nil),
        (#"{"amount":"50.123%"}"#, nil), (#"{"amount":"%"}"#, nil), (#"{"amount":".5%"}"#, nil),
        (#"{"amount":"999%"}"#, 99_900), (#"{"amount":"10000%"}"#, nil), (#"{"amount":""}"#, nil),
        (#"{"amount":null}"#, nil), (#"{"amount":"1","amount":"2"}"#, nil), ("{}", nil), ("1000", nil), ("", nil),
    ]

    @Test("takes the amount that an upstream announces", arguments: overrides)
    func announces(_ line: (text: String, amount: UInt64?)) {
        let asset = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)
        let override = Array(line.text.utf8).withUnsafeBytes { SettlementOverride($0) }
        #expect(override?.amount(of: UInt256(10_000), in: asset) == line.amount.map { UInt256($0) })
        if case .dollars(_?) = override {
            let other = PricedAsset(id: "eurc@base", decimals: 6, isDollarPegged: false)
            #expect(override?.amount(of: UInt256(10_000), in: other) == nil)
        }
    }
}
