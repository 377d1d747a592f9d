import Pricing
import Primitives
import Testing

@Suite("What a payer has paid")
struct PayerVolumeTests {
    private static let dollar: UInt64 = 1_000_000_000

    @Test(
        "is compared to the billionth of a dollar",
        arguments: [
            (">= $100", 100 * dollar, true), (">= $100", 100 * dollar - 1, false), ("> $0.5", dollar / 2, false),
            ("> $0.5", dollar / 2 + 1, true), ("< $1, >= $0.000000001", 1, true), ("< $1, >= $0.000000001", 0, false),
            ("!= $1", dollar, false), ("= $1", dollar, true), ("<= $2", 2 * dollar, true),
        ] as [(String, UInt64, Bool)])
    func dollars(text: String, paid: UInt64, holds: Bool) throws {
        let comparisons = try #require(VolumeComparison.list(text, .dollars))
        #expect(comparisons.allSatisfy { $0.holds(for: paid) } == holds)
        #expect(comparisons.map(\.description).joined(separator: ", ") == text)
    }

    @Test(
        "is compared with nothing else",
        arguments: [
            "100", ">= 100", "$100", ">= $0", ">= -$1", ">= $1e3", ">= $0.0000000001", ">= $99999999999", "", ">=",
            ">= $1,", "~ $1",
        ])
    func otherDollars(text: String) {
        #expect(VolumeComparison.list(text, .dollars) == nil)
    }

    @Test("counts payments as whole numbers", arguments: [">= $1", ">= 1.0", ">= 01", ">= -1", "1", ">= 1e3"])
    func otherPayments(text: String) throws {
        #expect(VolumeComparison.list(text, .payments) == nil)
        let comparisons = try #require(VolumeComparison.list(">= 0, < 18446744073709551615", .payments))
        #expect(comparisons.allSatisfy { $0.holds(for: 7) } && !comparisons.allSatisfy { $0.holds(for: .max) })
    }

    @Test("is what its units are worth, rounded down and never beyond its end")
    func worth() throws {
        let usdc = PricedAsset(id: "usdc", decimals: 6, isDollarPegged: true)
        let weth = PricedAsset(id: "weth", decimals: 18, isDollarPegged: false)
        let terms = PriceTerms(rates: ["weth": try DollarAmount("3100.50")])
        #expect(terms.billionths(of: UInt256(1), in: usdc) == 1000)
        #expect(terms.billionths(of: UInt256(1_000_000), in: usdc) == Self.dollar)
        #expect(terms.billionths(of: UInt256(1_000_000_000_000_000_000), in: weth) == 3_100_500_000_000)
        #expect(terms.billionths(of: UInt256(1), in: weth) == 0)
        #expect(terms.billionths(of: .max, in: weth) == UInt64.max)
        #expect(terms.billionths(of: .max, in: usdc) == UInt64.max)
        #expect(PriceTerms.none.billionths(of: UInt256(1), in: weth) == nil)
    }

    @Test("passes through every price that it could have been told")
    func volumes() throws {
        let table = PriceTable(
            fields: [],
            rules: [
                PriceRule(
                    name: "much", conditions: [.paid(try #require(VolumeComparison.list("> $10", .dollars)))], amount: 2
                ),
                PriceRule(
                    name: "often", conditions: [.payments(try #require(VolumeComparison.list(">= 3", .payments)))],
                    amount: 1),
            ], fallback: .amount(0), amounts: [])
        let volumes = table.volumes(upTo: PayerVolume(paid: 11 * Self.dollar, payments: 5))
        #expect(volumes.first == PayerVolume(paid: 11 * Self.dollar, payments: 5) && volumes.last == PayerVolume.none)
        let prices = volumes.map { volume in
            table.quote(for: QuoteFacts(method: "GET", now: UnixTime(0), readings: [], paid: volume))
        }
        #expect(
            Set(prices) == [
                .priced(amount: 2, rule: 0), .priced(amount: 1, rule: 1), .priced(amount: 0, rule: nil),
            ])
        let few = table.volumes(upTo: PayerVolume(paid: Self.dollar, payments: 2))
        #expect(few.allSatisfy { $0.paid <= Self.dollar && $0.payments <= 2 })
        #expect(table.dependsOnPayer && table.dependsOnDollarsPaid && table.dependsOnPayments)
    }
}
