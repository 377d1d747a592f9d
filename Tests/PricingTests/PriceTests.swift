import Primitives
import Testing

@testable import Pricing

@Suite("A price")
struct PriceTests {
    static let amounts: [(text: String, decimals: Int, amount: String)] = [
        ("$0.001", 6, "1000"), ("$1", 6, "1000000"), ("$0.000001", 6, "1"), ("$0.0000001", 6, "1"),
        ("$0.0000019", 6, "2"), ("$0.0000010000001", 6, "2"), ("$12.34", 2, "1234"), ("$12.341", 2, "1235"),
        ("$12.349", 0, "13"), ("$1", 18, "1000000000000000000"), ("$0.000000000000000001", 18, "1"),
        ("$0.000000000000000001", 0, "1"), ("$0.5", 0, "1"), ("$3", 0, "3"), ("$0.10", 6, "100000"),
        ("$99999999999999999999.99", 6, "99999999999999999999990000"),
        ("$0.1", 36, "100000000000000000000000000000000000"),
    ]

    @Test("in dollars becomes atomic units, rounded up", arguments: amounts)
    func roundsUp(_ line: (text: String, decimals: Int, amount: String)) throws {
        let asset = PricedAsset(id: "usdc@base", decimals: line.decimals, isDollarPegged: true)
        let amount = try Price.parse(line.text).amount(in: asset)
        #expect(amount?.description == line.amount)
    }

    @Test("in units is what it says, before any dollars")
    func units() throws {
        let price = try Price.parse("$0.001, 5000 eurc@base")
        let euro = PricedAsset(id: "eurc@base", decimals: 6, isDollarPegged: false)
        let dollar = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)
        #expect(try price.amount(in: euro) == UInt256(5000))
        #expect(try price.amount(in: dollar) == UInt256(1000))
        #expect(price.namedAssets == ["eurc@base"])
        let other = PricedAsset(id: "dai@base", decimals: 18, isDollarPegged: false)
        #expect(throws: PriceError.notPegged(asset: "dai@base")) { try price.amount(in: other) }
        #expect(throws: PriceError.noAmount(asset: "usdc@base")) {
            try Price.parse("1 eurc@base").amount(in: dollar)
        }
    }

    @Test("of nothing is said in a word")
    func free() throws {
        let asset = PricedAsset(id: "usdc@base", decimals: 6, isDollarPegged: true)
        #expect(try Price.parse("free") == .free)
        #expect(try Price.free.amount(in: asset) == nil)
    }

    static let mistakes: [(text: String, error: PriceError)] = [
        ("", .notAPrice), ("0.001", .notAPrice), ("1000", .notAPrice), ("Free", .notAPrice), ("free ", .notAPrice),
        ("$", .notADollarAmount), ("$.5", .notADollarAmount), ("$1.", .notADollarAmount), ("$-1", .notADollarAmount),
        ("$1e3", .notADollarAmount), ("$1,000", .notAPrice), ("$01", .notADollarAmount), ("$ 1", .notADollarAmount),
        ("$1.0.0", .notADollarAmount), ("$1 ", .notADollarAmount), ("$+1", .notADollarAmount),
        ("$１", .notADollarAmount),
        ("$0", .zero), ("$0.000", .zero), ("0 usdc@base", .zero), ("$0.0000000000000000001", .tooManyDecimals),
        ("1.5 usdc@base", .fractionOfUnit), ("01 usdc@base", .notAPrice), ("-1 usdc@base", .notAPrice),
        ("1  usdc@base", .notAPrice), ("1 ", .notAPrice), (" usdc@base", .notAPrice), ("$1,", .notAPrice),
        ("$1, $2", .dollarsTwice), ("1 a, 2 a", .assetTwice("a")),
        ("$" + String(repeating: "9", count: 79), .tooLarge), (String(repeating: "9", count: 78) + " a", .tooLarge),
    ]

    @Test("is refused for a reason", arguments: mistakes)
    func refusesText(_ line: (text: String, error: PriceError)) {
        #expect(throws: line.error) { try Price.parse(line.text) }
    }

    @Test("that does not fit in 256 bits is refused, never wrapped")
    func overflow() throws {
        let price = try Price.parse("$" + String(repeating: "9", count: 70))
        let asset = PricedAsset(id: "big", decimals: 18, isDollarPegged: true)
        #expect(throws: PriceError.tooLarge) { try price.amount(in: asset) }
    }

    @Test(
        "reads back from its own text",
        arguments: ["free", "$0.001", "$1", "$12.30", "7 usdc@base", "$0.1, 5 eurc@base"])
    func description(_ text: String) throws {
        #expect(try Price.parse(text).description == text)
    }
}
