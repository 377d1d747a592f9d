import EVM
import Primitives
import Testing
import X402

@testable import farebox

@Suite("What a payment may cost")
struct SpendingLimitTests {
    /// An offer of USDC on Base.
    private func offer(
        _ amount: UInt64, asset: String = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", chain: UInt64 = 8453
    )
        -> PaymentRequirements
    {
        PaymentRequirements(
            network: Network(chainID: chain), asset: Account(asset), amount: UInt256(amount),
            payTo: Account("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), maxTimeoutSeconds: 60)
    }

    @Test(
        "dollars bound the known assets to the last atomic unit",
        arguments: [
            ("$1", 1_000_000, SpendingLimit.Verdict.within), ("$1", 1_000_001, .above), ("$0.10", 100_000, .within),
            ("$0.10", 100_001, .above), ("$0.000001", 1, .within), ("$0.000001", 2, .above),
        ])
    func dollars(text: String, amount: UInt64, verdict: SpendingLimit.Verdict) throws {
        #expect(try SpendingLimit(text).judge(offer(amount)) == verdict)
    }

    @Test("dollars say nothing of an asset that is not in the catalogue")
    func unknownAsset() throws {
        let limit = try SpendingLimit("$100")
        #expect(limit.judge(offer(1, asset: "0x0000000000000000000000000000000000000001")) == .unknownAsset)
        // The address of USDC on Base is somebody else's on another chain.
        #expect(limit.judge(offer(1, chain: 31337)) == .unknownAsset)
        #expect(limit.judge(offer(1, asset: "USD", chain: 8453)) == .unknownAsset)
    }

    @Test(
        "atomic units bound one asset and exclude every other",
        arguments: [
            ("10000 usdc@base", 8453, 10000, SpendingLimit.Verdict.within),
            ("10000 usdc@base", 8453, 10001, .above),
            ("10000 usdc@base", 84532, 1, .unknownAsset),
            ("10000 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 31337, 10000, .within),
            ("10000 0x833589fcd6edb6e08f4c7c32d4f71b54bda02913 eip155:8453", 8453, 10000, .within),
            ("10000 0x833589fcd6edb6e08f4c7c32d4f71b54bda02913 eip155:8453", 31337, 1, .unknownAsset),
        ])
    func units(text: String, chain: UInt64, amount: UInt64, verdict: SpendingLimit.Verdict) throws {
        #expect(try SpendingLimit(text).judge(offer(amount, chain: chain)) == verdict)
    }

    @Test(
        "what is no limit is refused",
        arguments: [
            "", "1", "0.10", "$", "$-1", "$0", "$1.0000001", "$1e3", "10000", "10000 eurc@base", "10000  usdc@base",
            "-1 usdc@base", "1.5 usdc@base", "1 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02914x",
            // One digit of the checksum's case is wrong.
            "1 0x833589FCD6eDb6E08f4c7C32D4f71b54bdA02913", "1 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913 base",
        ])
    func mistakes(text: String) {
        #expect(throws: SpendingLimit.Mistake.self) { try SpendingLimit(text) }
    }
}

@Suite("Amounts as people read them")
struct AmountTextTests {
    @Test(
        "the point stands where the asset's decimals say",
        arguments: [
            ("0", 6, "0"), ("1", 6, "0.000001"), ("1000", 6, "0.001"), ("1000000", 6, "1"), ("1500000", 6, "1.5"),
            ("123456789", 6, "123.456789"), ("250", 2, "2.5"), ("7", 0, "7"),
            ("1000000000000000000000", 18, "1000"),
        ])
    func decimal(amount: String, decimals: Int, text: String) throws {
        let amount = try #require(UInt256(amount))
        #expect(AmountText.decimal(amount, decimals: decimals) == text)
    }
}
