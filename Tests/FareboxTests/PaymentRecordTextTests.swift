import Ledger
import Primitives
import Testing
import X402

@testable import farebox

@Suite("Payments as the ledger commands show them")
struct PaymentRecordTextTests {
    private func record(owner: ClaimOwner, asset: String = "0x036CbD53842c5426634e7929541eC2318f3dCF7e")
        -> PaymentRecord
    {
        let identity = PaymentIdentity(key: .zero)
        let claim = Claim(
            identity: identity, owner: owner, adapter: "chain", form: .v2, timing: .after, scheme: "exact",
            network: Network(chainID: 84532), asset: Account(asset), amount: UInt256(1500),
            payTo: Account("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            payer: "0x0804dF76446f82eEbcF8374531b0aff520b56b10", validBefore: UnixTime(1_800_000_060))
        return PaymentRecord(
            reference: PaymentReference(identity: identity, row: 7), claim: claim,
            state: PaymentState(value: .writtenOff, service: .undelivered), createdAt: UnixTime(1_800_000_000),
            updatedAt: UnixTime(1_800_000_001), transaction: "0xabc", reason: "\u{1B}[2Jexpired unpaid")
    }

    private let route = ClaimOwner.paywall(RequestBinding(route: "GET /x", method: "GET", target: .zero))

    @Test("states are words, amounts exact, times in UTC")
    func json() {
        let json = record(owner: route).json
        #expect(json["value"] == .string("written_off"))
        #expect(json["service"] == .string("undelivered"))
        #expect(json["amount"] == .string("1500"))
        #expect(json["createdAt"] == .string("2027-01-15T08:00:00Z"))
        #expect(json["route"] == .string("GET /x"))
        #expect(json["seller"] == nil)
        #expect(json["row"] == .integer(7))
    }

    @Test("a claim of the facilitator's API names its seller")
    func seller() {
        let owner = ClaimOwner.seller(SellerBinding(seller: "shop", call: .zero))
        let json = record(owner: owner).json
        #expect(json["seller"] == .string("shop"))
        #expect(json["route"] == nil)
        #expect(PaymentTable.lines([record(owner: owner)]).last?.hasSuffix("seller shop") == true)
    }

    @Test("the table shows dollars for known assets, units for others, and both ends of addresses")
    func table() {
        let known = PaymentTable.lines([record(owner: route)])
        #expect(known.count == 2)
        #expect(known[1].contains("  $0.0015 usdc@base-sepolia  0x0804…6b10  GET /x"))
        let other = PaymentTable.lines([record(owner: route, asset: "0x0000000000000000000000000000000000000001")])
        #expect(other[1].contains("1500 units of 0x0000…0001"))
    }

    @Test("what others wrote cannot steer the terminal")
    func control() {
        #expect(!record(owner: route).lines.joined().contains("\u{1B}"))
    }
}
