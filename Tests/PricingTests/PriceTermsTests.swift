import Pricing
import Primitives
import Testing

@Suite("Prices of a table")
struct PriceTermsTests {
    private static let usdc = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)
    private static let weth = PricedAsset(id: "weth@base", decimals: 18, isDollarPegged: false)

    private static func dollars(_ text: String) throws -> DollarAmount { try DollarAmount(Substring(text)) }

    private func units(_ terms: PriceTerms, _ price: String, isCost: Bool = false, in asset: PricedAsset = usdc) throws
        -> UInt256?
    {
        try terms.amount(of: TablePrice(try Price.parse(price), isCost: isCost), in: asset)?.units
    }

    @Test("turn dollars into units of an asset with a rate, rounded up")
    func rates() throws {
        let terms = PriceTerms(rates: ["weth@base": try Self.dollars("3100.50")])
        // 0.01 / 3100.50 × 10^18 = 3225286244154.16…
        #expect(try units(terms, "$0.01", in: Self.weth) == UInt256(3_225_286_244_155))
        #expect(try units(terms, "$3100.50", in: Self.weth) == UInt256(1_000_000_000_000_000_000))
        #expect(try units(terms, "$1", in: Self.usdc) == UInt256(1_000_000))
        #expect(throws: PriceError.notPegged(asset: "weth@base")) { try self.units(.none, "$1", in: Self.weth) }
        let long = PriceTerms(rates: ["weth@base": try Self.dollars("123456789012345678901.5")])
        #expect(throws: PriceError.rateTooLong(asset: "weth@base")) { try self.units(long, "$1", in: Self.weth) }
    }

    @Test("put the margin on costs alone, exactly")
    func margins() throws {
        let terms = PriceTerms(margin: Percentage("12.5%"))
        #expect(try units(terms, "$0.004", isCost: true) == UInt256(4500))
        #expect(try units(terms, "$0.004") == UInt256(4000))
        #expect(try units(terms, "3 usdc@base", isCost: true) == UInt256(4))
        #expect(try terms.bundled(TablePrice(try Price.parse("$0.004"), isCost: true)).description == "$0.0045")
        #expect(try units(terms, "$0.0000001", isCost: true) == UInt256(1))
    }

    @Test("keep within the bounds, and say so")
    func bounds() throws {
        let terms = PriceTerms(minimum: try Self.dollars("0.001"), maximum: try Self.dollars("5"))
        func amount(_ text: String) throws -> PriceTerms.Amount? {
            try terms.amount(of: TablePrice(try Price.parse(text)), in: Self.usdc)
        }
        #expect(try amount("$0.0005") == PriceTerms.Amount(units: UInt256(1000), bound: .raised))
        #expect(try amount("$7") == PriceTerms.Amount(units: UInt256(5_000_000), bound: .lowered))
        #expect(try amount("10 usdc@base") == PriceTerms.Amount(units: UInt256(1000), bound: .raised))
        #expect(try amount("$1") == PriceTerms.Amount(units: UInt256(1_000_000), bound: .none))
        #expect(try amount("free") == nil)
        #expect(try terms.bundled(TablePrice(try Price.parse("$9"))).description == "$5")
        let coarse = PricedAsset(id: "usd@bank", decimals: 2, isDollarPegged: true)
        let narrow = PriceTerms(minimum: try Self.dollars("0.011"), maximum: try Self.dollars("0.019"))
        #expect(throws: PriceError.nothingWithinBounds(asset: "usd@bank")) {
            try self.units(narrow, "$0.015", in: coarse)
        }
    }

    @Test(
        "read percentages with up to six digits behind the point",
        arguments: ["0%", "25%", "12.5%", "0.000001%", "100000%"])
    func percentages(_ text: String) throws { #expect(try #require(Percentage(text)).description == text) }

    @Test(
        "take no other text for one",
        arguments: ["", "%", "25", "-1%", "01%", "1.%", ".5%", "1e2%", "1.0000001%", "100001%", "25 %"])
    func noPercentages(_ text: String) { #expect(Percentage(text) == nil) }

    @Test("compare dollars by value")
    func comparison() throws {
        #expect(try Self.dollars("0.10") < Self.dollars("0.2"))
        #expect(try !(Self.dollars("0.10") < Self.dollars("0.1")))
        #expect(
            try Self.dollars("0.000000000000000001")
                < Self.dollars("100000000000000000000000000000000000000000000000000000000000000000000000"))
    }

    @Test("are less than one unit above the exact amount, and never below it")
    func rounding() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let price = UInt64.random(in: 1...99_999_999, using: &random)
            let rate = UInt64.random(in: 1...99_999_999, using: &random)
            let margin = UInt64.random(in: 0...300, using: &random)
            let decimals = Int.random(in: 0...12, using: &random)
            let terms = PriceTerms(
                rates: ["x": try Self.dollars(Self.decimal(rate, 4))], margin: Percentage("\(margin)%"))
            let asset = PricedAsset(id: "x", decimals: decimals, isDollarPegged: false)
            let given = try units(terms, "$" + Self.decimal(price, 6), isCost: true, in: asset)
            let units = try #require(given?.uint64, "seed \(seed)")
            // units - 1 < price × (100 + margin) × 10^(decimals + 4 - 8) / rate <= units
            var exact = UInt128(price) * UInt128(100 + margin)
            for _ in 0..<decimals { exact *= 10 }
            let unit = UInt128(rate) * 10_000
            #expect(UInt128(units) * unit >= exact && UInt128(units - 1) * unit < exact, "seed \(seed)")
        }
    }

    @Test("are above zero, within the bounds, and never more than payers are shown, whatever was told")
    func bundledProperty() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bounds = [0, 1].map { _ in UInt64.random(in: 1...99_999, using: &random) }.sorted()
            let terms = PriceTerms(
                margin: Bool.random(using: &random)
                    ? Percentage("\(UInt64.random(in: 0...300, using: &random))%") : nil,
                minimum: Bool.random(using: &random) ? try Self.dollars(Self.decimal(bounds[0], 4)) : nil,
                maximum: Bool.random(using: &random) ? try Self.dollars(Self.decimal(bounds[1], 4)) : nil)
            let told = "$" + Self.decimal(UInt64.random(in: 1...99_999_999, using: &random), 7)
            let price = TablePrice(try Price.parse(told), isCost: Bool.random(using: &random))
            let asset = PricedAsset(id: "x", decimals: Int.random(in: 0...9, using: &random), isDollarPegged: true)
            do throws(PriceError) {
                guard let amount = try terms.amount(of: price, in: asset)?.units else { continue }
                guard case .amounts(let shown?, _) = try terms.bundled(price) else { continue }
                let most = try shown.atomicUnits(assetDecimals: asset.decimals)
                #expect(amount > .zero && amount <= most, "\(told), seed \(seed)")
                if let minimum = terms.minimum {
                    let least = try minimum.atomicUnits(assetDecimals: asset.decimals)
                    #expect(amount >= least, "\(told), seed \(seed)")
                }
                if let maximum = terms.maximum {
                    // Its rounding up would be one unit too much.
                    let limit = try maximum.atomicUnits(assetDecimals: asset.decimals)
                    #expect(amount <= limit, "\(told), seed \(seed)")
                }
            } catch {
                #expect(error == .nothingWithinBounds(asset: "x"), "seed \(seed)")
            }
        }
    }

    private static func decimal(_ digits: UInt64, _ places: Int) -> String {
        var text = String(digits)
        while text.count <= places { text = "0" + text }
        return text.dropLast(places) + "." + text.suffix(places)
    }
}
