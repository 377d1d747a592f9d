import EVM
import Primitives
import Testing

@testable import Facilitator

@Suite("What gas may cost")
struct ChainSettingsTests {
    private func fees(_ base: UInt64, _ tip: UInt64) -> ChainFees {
        ChainFees(baseFee: UInt256(base), priorityFee: UInt256(tip))
    }

    @Test(
        "an opening has room for the base fee to double, within the limit",
        arguments: [
            // base, tip, limit, least tip → most, tip
            (10, 2, 100, 1, 22, 2), (10, 0, 100, 1, 21, 1), (40, 30, 100, 1, 100, 30), (60, 40, 100, 1, 100, 40),
            (0, 1, 100, 1, 1, 1),
        ] as [(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)])
    func opening(base: UInt64, tip: UInt64, limit: UInt64, least: UInt64, maxFee: UInt64, expectedTip: UInt64) {
        let policy = FeePolicy(maxFeePerGas: UInt256(limit), minTip: UInt256(least))
        #expect(
            policy.opening(fees(base, tip)) == GasFees(maxFee: UInt256(maxFee), tip: UInt256(expectedTip)))
    }

    @Test("above the limit nothing is offered")
    func aboveLimit() {
        let policy = FeePolicy(maxFeePerGas: UInt256(100), minTip: UInt256(1))
        #expect(policy.opening(fees(61, 40)) == nil)
        #expect(policy.opening(fees(100, 1)) == nil)
        #expect(policy.opening(ChainFees(baseFee: .max, priorityFee: .max)) == nil)
    }

    @Test(
        "a replacement pays a tenth more of both at least, as pools ask, and never more than the limit",
        arguments: [1, 7, 9, 10, 99, 1_000_000, 44_247_787_610] as [UInt64])
    func raised(price: UInt64) throws {
        let policy = FeePolicy(minTip: UInt256(1))
        let old = GasFees(maxFee: UInt256(price), tip: UInt256(price))
        let raised = try #require(policy.raised(old, market: nil))
        #expect(try #require(raised.maxFee.uint64) * 10 >= price * 11)
        #expect(try #require(raised.tip.uint64) * 10 >= price * 11)
        #expect(raised.maxFee <= policy.maxFeePerGas)
    }

    @Test("a replacement follows the market, and where the limit leaves no room there is none")
    func replacement() {
        let policy = FeePolicy(maxFeePerGas: UInt256(1_000), minTip: UInt256(1))
        let old = GasFees(maxFee: UInt256(100), tip: UInt256(10))
        #expect(
            policy.raised(old, market: fees(300, 50)) == GasFees(maxFee: UInt256(650), tip: UInt256(50)))
        #expect(policy.raised(old, market: fees(5_000, 50)) == GasFees(maxFee: UInt256(113), tip: UInt256(12)))
        #expect(policy.raised(GasFees(maxFee: UInt256(900), tip: UInt256(10)), market: nil) == nil)
        #expect(policy.raised(GasFees(maxFee: .max, tip: .max), market: nil) == nil)
    }

    @Test("the most that gas can cost has an end")
    func bound() {
        #expect(GasFees(maxFee: UInt256(3), tip: .zero).bound(gas: 7) == UInt256(21))
        #expect(GasFees(maxFee: .max, tip: .zero).bound(gas: 2) == .max)
    }

    // MARK: Budget

    private let start = UnixTime(1_800_000_000)

    @Test("an hour has its budget, to the wei")
    func budget() {
        var budget = GasBudget(perHour: UInt256(100))
        #expect(budget.reserve(UInt256(60), now: start) == true)
        #expect(budget.reserve(UInt256(41), now: start) == false)
        #expect(budget.reserve(UInt256(40), now: start) == true)
        #expect(budget.reserve(UInt256(1), now: start.adding(seconds: 3_539)) == false)
        #expect(budget.reserve(UInt256(100), now: start.adding(seconds: 3_600)) == true)
    }

    @Test("without a limit everything is given, and nothing is kept")
    func unlimited() {
        var budget = GasBudget(perHour: nil)
        #expect(budget.reserve(.max, now: start) == true)
        #expect(budget.reserve(.max, now: start) == true)
        #expect(budget.spent == .zero)
    }

    @Test("what a transaction did not cost is given back")
    func givenBack() {
        var budget = GasBudget(perHour: UInt256(100))
        #expect(budget.reserve(UInt256(50), now: start) == true)
        #expect(budget.reserve(UInt256(50), now: start.adding(seconds: 60)) == true)
        budget.correct(reserved: UInt256(50), cost: UInt256(20))
        #expect(budget.spent == UInt256(70))
        budget.correct(reserved: UInt256(50), cost: .zero)
        #expect(budget.spent == UInt256(20))
        budget.correct(reserved: UInt256(50), cost: .zero)
        #expect(budget.spent == .zero)
    }

    @Test("what a transaction cost beyond its reservation, after its fees were raised, counts too")
    func beyond() {
        var budget = GasBudget(perHour: UInt256(100))
        #expect(budget.reserve(UInt256(50), now: start) == true)
        budget.correct(reserved: UInt256(50), cost: UInt256(80))
        #expect(budget.spent == UInt256(80))
        #expect(budget.reserve(UInt256(21), now: start) == false)
        #expect(budget.reserve(UInt256(20), now: start) == true)
    }

    @Test("sums beyond all wei are refused")
    func overflow() {
        var budget = GasBudget(perHour: .max)
        #expect(budget.reserve(.max, now: start) == true)
        #expect(budget.reserve(UInt256(1), now: start) == false)
    }

    // MARK: Assets

    @Test(
        "the last step that an amount reaches says how deep it must lie",
        arguments: [(0, 1), (99, 1), (100, 3), (999, 3), (1_000, 12), (1_000_000, 12)] as [(UInt64, UInt64)])
    func depth(amount: UInt64, depth: UInt64) {
        let domain = TypedDataDomain(name: "", version: "", chainID: 1, verifyingContract: .zero)
        let steps = [
            ConfirmationStep(from: UInt256(100), depth: 3), ConfirmationStep(from: UInt256(1_000), depth: 12),
        ]
        #expect(ChainAsset(domain: domain, confirmations: steps).depth(of: UInt256(amount)) == depth)
        #expect(ChainAsset(domain: domain).depth(of: UInt256(amount)) == 1)
    }

    @Test(
        "what wei are worth is rounded up",
        arguments: [
            (0, 0), (1, 1), (333_333_333, 1), (333_333_334, 2), (1_000_000_000_000_000_000, 3_000_000_000),
        ] as [(UInt64, UInt64)])
    func worth(wei: UInt64, worth: UInt64) {
        let domain = TypedDataDomain(name: "", version: "", chainID: 1, verifyingContract: .zero)
        let asset = ChainAsset(domain: domain, unitsPerEther: 3_000_000_000)
        #expect(asset.worth(ofWei: UInt256(wei)) == UInt256(worth))
        #expect(asset.worth(ofWei: .max) == .max)
        #expect(ChainAsset(domain: domain).worth(ofWei: UInt256(wei)) == nil)
    }
}
