import EVM
import Facilitator
import Ledger
import Primitives
import Synchronization
import Testing
import X402

struct FacilitatorServiceTests {
    /// A service over a ledger in memory, with the rails of the test.
    private struct Bench {
        let service: FacilitatorService
        let ledger: any PaymentLedger
        let time: TestTime

        init(_ rails: [any Rail], payTo: Set<Account>? = nil, ledger: any PaymentLedger = MemoryLedger()) throws {
            let time = TestTime()
            self.time = time
            self.ledger = ledger
            service = FacilitatorService(
                registry: try AdapterRegistry(rails), ledger: ledger, payToAllowed: payTo, now: { time.now })
        }

        func judge(_ payment: Payment, _ offer: PaymentRequirements = Fixture.offer) -> FacilitatorService.Judgement {
            var keys = PublicKeyCache()
            return service.judge(
                FacilitatorRequest(
                    x402Version: payment.form.x402Version, payment: payment, requirements: offer), keys: &keys)
        }

        func verify(_ payment: Payment, _ offer: PaymentRequirements = Fixture.offer) async -> VerifyAnswer? {
            guard case .answer(let answer) = await service.verify(judge(payment, offer)) else { return nil }
            return answer
        }

        func settle(
            _ payment: Payment, _ offer: PaymentRequirements = Fixture.offer, as seller: SellerCall = SellerCall()
        ) async -> Receipt? {
            guard case .answer(let answer) = await service.settle(judge(payment, offer), for: seller) else {
                return nil
            }
            return answer
        }
    }

    private final class TestTime: Sendable {
        private let seconds = Mutex(Fixture.now)
        var now: UnixTime { seconds.withLock { $0 } }
        func advance(by delta: Int64) { seconds.withLock { $0 = $0.adding(seconds: delta) } }
    }

    private var mock: MockEVMRail {
        MockEVMRail(
            AdapterScope(id: "mock", networks: [Fixture.pattern("eip155:*")]), settings: MockEVMSettings())
    }

    private func payment(nonce: UInt64 = 1) -> Payment {
        .v2(TestPayer().sign(Fixture.offer, nonce: nonce, validBefore: Fixture.validBefore), for: Fixture.offer)
    }

    private let payer = TransferVector.usdc.payer.checksummed

    @Test("a payment is verified, settled once, and then used")
    func once() async throws {
        let bench = try Bench([mock])
        let payment = payment()
        #expect(await bench.verify(payment) == VerifyAnswer(isValid: true, payer: payer))
        let receipt = try #require(await bench.settle(payment))
        #expect(receipt.success)
        #expect(receipt.payer == payer)
        #expect(receipt.network == Fixture.offer.network)
        #expect(receipt.transaction.hasPrefix("0x"))
        #expect(receipt.transaction.count == 66)

        #expect(
            await bench.verify(payment)
                == VerifyAnswer(isValid: false, invalidReason: .nonceAlreadyUsed, payer: payer))
        let again = try #require(await bench.settle(payment))
        #expect(!again.success)
        #expect(again.reason == .nonceAlreadyUsed)
        #expect(again.transaction == "")

        let record = try #require(try await bench.ledger.payments(PaymentQuery()).first)
        #expect(record.state == PaymentState(value: .settled, service: .delivered))
        #expect(record.transaction == receipt.transaction)
        guard case .seller(let binding) = record.claim.owner else {
            Issue.record("\(record.claim.owner)")
            return
        }
        #expect(binding.seller == SellerCall.anonymousID)
    }

    @Test("another encoding of the same authorization is the same payment")
    func reencoded() async throws {
        let bench = try Bench([mock])
        let transfer = TestPayer().sign(Fixture.offer, validBefore: Fixture.validBefore)
        #expect(await bench.settle(.v2(transfer, for: Fixture.offer))?.success == true)
        #expect(await bench.settle(.v1(transfer, for: Fixture.offer))?.reason == .nonceAlreadyUsed)
        guard case .rsv(let r, let s, let v) = transfer.signature else { return }
        var other = transfer
        other.signature = .rsv(r: r, s: s, v: v - 27)
        #expect(await bench.settle(.v2(other, for: Fixture.offer))?.reason == .nonceAlreadyUsed)
    }

    @Test("of 256 settlements of one payment at once, one succeeds", arguments: [false, true])
    func race(isRemote: Bool) async throws {
        let rail: any Rail = isRemote ? StubRail() : mock
        let bench = try Bench([rail])
        let payment = payment()
        let receipts = await withTaskGroup(of: Receipt?.self) { tasks in
            for _ in 0..<256 { tasks.addTask { await bench.settle(payment) } }
            return await tasks.reduce(into: [Receipt?]()) { $0.append($1) }
        }
        #expect(receipts.count == 256)
        #expect(receipts.filter { $0?.success == true }.count == 1)
        for receipt in receipts where receipt?.success != true {
            let reason = receipt?.reason
            #expect([.settlementPending, .nonceAlreadyUsed].contains(reason), "\(String(describing: reason))")
        }
        if let stub = rail as? StubRail { #expect(stub.orders.count == 1) }
    }

    @Test("while the first call settles, the same call hears that it is pending, and another seller that it is taken")
    func inFlight() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let payment = payment()
        stub.hold()
        async let first = bench.settle(payment, as: SellerCall(keyID: "shop"))
        await stub.held()
        #expect(await bench.settle(payment, as: SellerCall(keyID: "shop"))?.reason == .settlementPending)
        #expect(await bench.settle(payment, as: SellerCall(keyID: "other"))?.reason == .duplicateSettlement)
        #expect(await bench.verify(payment)?.invalidReason == .duplicateSettlement)
        stub.release()
        #expect(await first?.success == true)
        #expect(stub.orders.count == 1)
    }

    @Test("a payment claimed by the paywall is refused by /settle, in any state", arguments: ValueState.allCases)
    func paywallClaim(state: ValueState) async throws {
        let bench = try Bench([mock])
        let payment = payment()
        let identity = try #require(PaymentIdentity(of: payment, for: Fixture.offer))
        let binding = RequestBinding(route: "GET /x", method: "GET", target: .zero)
        let claim = Claim(
            identity: identity, owner: .paywall(binding), adapter: "mock", form: .v2, timing: .before,
            scheme: "exact", network: Fixture.offer.network, asset: Fixture.offer.asset, amount: Fixture.offer.amount,
            payTo: Fixture.offer.payTo, payer: payer, validBefore: nil)
        let reference = try await reserve(claim, in: bench.ledger, until: state)
        let receipt = try #require(await bench.settle(payment))
        let isFree = state == .released || state == .expired
        #expect(receipt.success == isFree)
        if !isFree {
            #expect(receipt.reason == (state == .settled ? .nonceAlreadyUsed : .duplicateSettlement))
            let record = try #require(try await bench.ledger.payment(identity))
            #expect(record.reference == reference)
            #expect(record.claim.owner == .paywall(binding))
        }
    }

    /// Claims, and walks the payment to a state.
    private func reserve(
        _ claim: Claim, in ledger: any PaymentLedger, until state: ValueState
    ) async throws -> PaymentReference? {
        var claim = claim
        if state == .expired { claim.validBefore = UnixTime(1) }
        let opening: ClaimOpening =
            state == .owed || state == .writtenOff ? .forwarding(until: Fixture.now.adding(seconds: 60)) : .reserved
        let outcome = await withCheckedContinuation { continuation in
            ledger.reserve(ReserveRequest(claim: claim, opening: opening, now: Fixture.now)) {
                continuation.resume(returning: $0)
            }
        }
        guard case .granted(let reference) = try outcome.get() else { return nil }
        let events: [PaymentEvent] =
            switch state {
            case .reserved: []
            case .settling: [.settle]
            case .uncertain: [.settle, .uncertain(transaction: nil)]
            case .settled: [.settle, .settled(transaction: "0x1", forwardingUntil: nil)]
            case .released: [.released(reason: "test")]
            case .expired: [.expired]
            case .owed: [.owed]
            case .writtenOff: [.owed, .writtenOff(reason: "test")]
            }
        for event in events {
            let applied = await withCheckedContinuation { continuation in
                ledger.apply(event, to: reference, now: Fixture.now) { continuation.resume(returning: $0) }
            }
            guard case .applied = try applied.get() else { return nil }
        }
        #expect(try await ledger.payment(claim.identity)?.state.value == state)
        return reference
    }

    @Test("with an idempotency key the same call gets its receipt again, also after the authorization has ended")
    func idempotent() async throws {
        let bench = try Bench([mock])
        let payment = payment()
        let call = SellerCall(keyID: "shop", idempotencyKey: "order-1")
        let receipt = try #require(await bench.settle(payment, as: call))
        #expect(receipt.success)
        bench.time.advance(by: 86_400)
        #expect(await bench.settle(payment, as: call) == receipt)
        // Another key, another seller, no key: a replay.
        for other in [
            SellerCall(keyID: "shop", idempotencyKey: "order-2"), SellerCall(keyID: "other", idempotencyKey: "order-1"),
            SellerCall(keyID: "shop"),
        ] {
            #expect(await bench.settle(payment, as: other)?.success == false)
        }
    }

    @Test("the same key with other terms, or another signature, gets nothing")
    func idempotentTerms() async throws {
        let bench = try Bench([mock])
        let payment = payment()
        let call = SellerCall(keyID: "shop", idempotencyKey: "order-1")
        #expect(await bench.settle(payment, as: call)?.success == true)
        var dear = Fixture.offer
        dear.amount = UInt256(1_000_000)
        #expect(await bench.settle(payment, dear, as: call)?.success == false)
        guard case .transfer(var transfer) = payment.payload else { return }
        transfer.signature = .bytes([1])
        #expect(await bench.settle(.v2(transfer, for: Fixture.offer), as: call)?.success == false)
    }

    @Test("after settlement_pending one further call gets the success, and a copy of the header does not")
    func pendingThenSettled() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let payment = payment()
        stub.onSettle { _ in .unknown(transaction: "0xhash") }
        let first = try #require(await bench.settle(payment))
        #expect(!first.success)
        #expect(first.reason == .settlementPending)
        #expect(first.transaction == "0xhash")

        let second = try #require(await bench.settle(payment))
        #expect(second.reason == .settlementPending)
        #expect(second.transaction == "0xhash")

        stub.onReconcile(.settled(transaction: "0xmined", payer: nil))
        let receipts = await withTaskGroup(of: Receipt?.self) { tasks in
            for _ in 0..<16 { tasks.addTask { await bench.settle(payment) } }
            return await tasks.reduce(into: [Receipt?]()) { $0.append($1) }
        }
        let successes = receipts.filter { $0?.success == true }
        #expect(successes.count == 1)
        #expect(successes.first??.transaction == "0xmined")
        // The rail was told to settle once, whatever was asked.
        #expect(stub.orders.count == 1)
        #expect(stub.verifications == 1)
        #expect(await bench.settle(payment)?.reason == .nonceAlreadyUsed)
    }

    @Test("what the worker settled in the meantime is told once")
    func settledByWorker() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let payment = payment()
        stub.onSettle { _ in .unknown(transaction: nil) }
        #expect(await bench.settle(payment)?.reason == .settlementPending)
        let record = try #require(try await bench.ledger.payments(PaymentQuery()).first)
        _ = await withCheckedContinuation { continuation in
            bench.ledger.apply(
                .settled(transaction: "0xlate", forwardingUntil: nil), to: record.reference, now: Fixture.now
            ) { continuation.resume(returning: $0) }
        }
        #expect(await bench.settle(payment)?.transaction == "0xlate")
        #expect(await bench.settle(payment)?.success == false)
        #expect(stub.reconciliations == 0)
    }

    @Test("a refusal releases the payment, which can then be settled")
    func refusedThenSettled() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let payment = payment()
        stub.onSettle { number in
            number == 1 ? .refused(.insufficientFunds, message: "empty") : .settled(transaction: "0x2", payer: nil)
        }
        let refused = try #require(await bench.settle(payment))
        #expect(refused.reason == .insufficientFunds)
        #expect(refused.message == "empty")
        #expect(refused.transaction == "")
        #expect(await bench.settle(payment)?.transaction == "0x2")
    }

    @Test("a rail that is down gives no verdict and holds no claim")
    func railDown() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let payment = payment()
        let down = RailError(.timeout, adapter: "stub", "late")
        stub.onVerify { () throws(RailError) in throw down }
        #expect(await bench.verify(payment) == nil)
        #expect(await bench.settle(payment) == nil)
        #expect(try await bench.ledger.payments(PaymentQuery()).isEmpty)
        stub.onVerify {}
        stub.onSettle { number in number == 1 ? .unavailable(down) : .settled(transaction: "0x2", payer: nil) }
        guard case .unavailable(let reason) = await bench.service.settle(bench.judge(payment), for: SellerCall())
        else {
            Issue.record("a verdict")
            return
        }
        #expect(reason.part == "stub")
        #expect(reason.code == "timeout")
        #expect(await bench.settle(payment)?.success == true)
    }

    @Test("a ledger that is down gives no verdict, and no rail is asked to settle")
    func ledgerDown() async throws {
        let stub = StubRail()
        let bench = try Bench([stub], ledger: ThrowingLedger())
        #expect(await bench.verify(payment()) == nil)
        #expect(await bench.settle(payment()) == nil)
        #expect(stub.orders.isEmpty)
    }

    @Test("a ledger that fails after the rail has settled leaves the payment pending, never failed")
    func ledgerLost() async throws {
        let stub = StubRail()
        let bench = try Bench([stub])
        let ledger = bench.ledger
        let payment = payment()
        stub.hold()
        async let receipt = bench.settle(payment)
        await stub.held()
        await ledger.close()
        stub.release()
        #expect(await receipt?.reason == .settlementPending)
        #expect(await receipt?.transaction == "0xtx")
    }

    @Test("what no rail serves is refused by the right code")
    func noRail() async throws {
        let bench = try Bench([mock])
        var offer = Fixture.offer
        offer.scheme = "upto"
        #expect(await bench.verify(payment(), offer)?.invalidReason == .unsupportedScheme)
        #expect(await bench.settle(payment(), offer)?.reason == .unsupportedScheme)
        offer = Fixture.bankOffer
        #expect(await bench.verify(payment(), offer)?.invalidReason == .invalidNetwork)
    }

    @Test("recipients outside the list are refused, and a reload changes the list")
    func payToAllowed() async throws {
        let bench = try Bench([mock], payTo: [.address(.zero)])
        #expect(await bench.verify(payment())?.invalidReason == .invalidPaymentRequirements)
        #expect(await bench.settle(payment())?.reason == .invalidPaymentRequirements)
        #expect(try await bench.ledger.payments(PaymentQuery()).isEmpty)
        bench.service.reload(registry: bench.service.registry, payToAllowed: [Fixture.offer.payTo])
        #expect(await bench.settle(payment())?.success == true)
    }

    @Test("an echo of other terms is refused, though the authorization would do")
    func echo() async throws {
        let bench = try Bench([mock])
        var payment = payment()
        payment.accepted?.amount = UInt256(1)
        #expect(await bench.verify(payment)?.invalidReason == .invalidPaymentRequirements)
        #expect(await bench.settle(payment)?.success == false)
    }
}
