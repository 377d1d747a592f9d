import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

@Suite("Scheme upto at the facilitator's API")
struct UptoServiceTests {
    private let ledger = MemoryLedger()
    private let offer = Fixture.offer.overPermit2(facilitator: MockEVMSettings.facilitator)

    private var payment: Payment {
        let permit = TestPayer().permit(
            offer, deadline: Fixture.validBefore, facilitator: MockEVMSettings.facilitator)
        return .v2(.permit(permit), for: offer)
    }

    private func service() throws -> FacilitatorService {
        let scope = AdapterScope(
            id: "mock", schemes: ["exact", "upto"], networks: [Fixture.pattern("eip155:*")])
        return FacilitatorService(
            registry: try AdapterRegistry([MockEVMRail(scope, settings: MockEVMSettings())]), ledger: ledger,
            now: { Fixture.now })
    }

    private func judge(
        _ service: FacilitatorService, amount: UInt64?, isSettling: Bool
    ) -> FacilitatorService.Judgement {
        var wanted = offer
        if let amount { wanted.amount = UInt256(amount) }
        var keys = PublicKeyCache()
        return service.judge(
            FacilitatorRequest(x402Version: 2, payment: payment, requirements: wanted), isSettling: isSettling,
            keys: &keys)
    }

    private func settle(_ service: FacilitatorService, _ amount: UInt64?) async throws -> Receipt {
        let judgement = judge(service, amount: amount, isSettling: true)
        guard case .answer(let receipt) = await service.settle(judgement, for: SellerCall()) else {
            throw CancellationError()
        }
        return receipt
    }

    private func verify(_ service: FacilitatorService, _ amount: UInt64?) async throws -> VerifyAnswer {
        guard case .answer(let answer) = await service.verify(judge(service, amount: amount, isSettling: false)) else {
            throw CancellationError()
        }
        return answer
    }

    private func record() async throws -> PaymentRecord? {
        let chainID = try #require(offer.network.chainID)
        return try await ledger.payment(
            PaymentIdentity(permitOn: chainID, payer: TestPayer().key.address, nonce: UInt256(1)))
    }

    @Test("verifies for the maximum only")
    func verifying() async throws {
        let service = try service()
        #expect(try await verify(service, nil).isValid)
        #expect(try await verify(service, 400).invalidReason == .permitAmountMismatch)
        #expect(try await verify(service, 10_001).invalidReason == .permitAmountMismatch)
    }

    @Test("settles what was used, once, and says how much", arguments: [1, 400, 10_000] as [UInt64])
    func settling(amount: UInt64) async throws {
        let service = try service()
        let receipt = try await settle(service, amount)
        #expect(receipt.success && receipt.amount == UInt256(amount) && !receipt.transaction.isEmpty)
        let record = try #require(try await record())
        #expect(record.claim.scheme == "upto" && record.due == UInt256(amount))
        #expect(record.state.value == .settled)
        #expect(try await ledger.journal(after: 0, limit: 10).map(\.line.amount) == [UInt256(amount)])
        #expect(try await !settle(service, amount).success)
        #expect(try await !settle(service, 2).success)
        #expect(try await !verify(service, nil).isValid)
    }

    @Test("charges nothing without a transaction, and lets the claim go")
    func nothing() async throws {
        let service = try service()
        let receipt = try await settle(service, 0)
        #expect(receipt.success && receipt.transaction.isEmpty && receipt.amount == .zero)
        #expect(try await record()?.state == PaymentState(value: .released, service: .unused))
        #expect(try await ledger.journal(after: 0, limit: 10).isEmpty)
        #expect(try await verify(service, nil).isValid, "the payment was not used")
        #expect(try await settle(service, 5).success)
        #expect(try await !settle(service, 0).success)
    }

    @Test("refuses more than was agreed to")
    func tooMuch() async throws {
        let receipt = try await settle(try service(), 10_001)
        #expect(!receipt.success && receipt.reason == .uptoExceedsAmount)
        #expect(try await record() == nil)
    }

    @Test("is listed in version 2, with who settles")
    func listed() throws {
        let kinds = try service().registry.supported.kinds.filter { $0.scheme == "upto" }
        #expect(kinds.map(\.x402Version) == [2])
        #expect(kinds.first?.extra.contains(.facilitatorAddress(MockEVMSettings.facilitator)) == true)
    }
}
