import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

@Suite("Terms of a payment over Permit2")
struct PermitVerifierTests {
    private static let exact = Fixture.offer.overPermit2()
    private static let upto = Fixture.offer.overPermit2(facilitator: MockEVMSettings.facilitator)

    private static func facilitator(_ offer: PaymentRequirements) -> Address? {
        offer.scheme == "upto" ? MockEVMSettings.facilitator : nil
    }

    private func outcome(_ payment: Payment, _ offer: PaymentRequirements) -> VerifyOutcome? {
        let scope = AdapterScope(
            id: "mock", schemes: ["exact", "upto"], networks: [Fixture.pattern("eip155:*")])
        var keys = PublicKeyCache()
        let rail = MockEVMRail(scope, settings: MockEVMSettings())
        guard case .decided(let outcome) = rail.verifyLocally(payment, for: offer, now: Fixture.now, keys: &keys) else {
            return nil
        }
        return outcome
    }

    private static func payment(
        _ offer: PaymentRequirements, deadline: UInt64 = Fixture.validBefore,
        _ change: (inout SignedPermit) -> Void = { _ in }
    ) -> Payment {
        let permit = TestPayer().permit(offer, deadline: deadline, facilitator: facilitator(offer), change: change)
        return .v2(.permit(permit), for: offer)
    }

    @Test("a good one is valid under both schemes, and is one payment whatever the scheme", arguments: [exact, upto])
    func good(offer: PaymentRequirements) throws {
        guard case .valid(let verified) = outcome(Self.payment(offer), offer) else {
            Issue.record("not valid")
            return
        }
        let payer = TestPayer().key.address
        #expect(verified.payer == payer.checksummed)
        #expect(verified.validBefore == UnixTime(Int64(Fixture.validBefore) + 1), "Permit2 takes its deadline's second")
        let chainID = try #require(offer.network.chainID)
        #expect(verified.identity == PaymentIdentity(permitOn: chainID, payer: payer, nonce: UInt256(1)))
        #expect(verified.identity != PaymentIdentity(permitOn: chainID + 1, payer: payer, nonce: UInt256(1)))
        #expect(verified.identity != PaymentIdentity(permitOn: chainID, payer: payer, nonce: UInt256(2)))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let exact: ReasonCode
        var upto: ReasonCode?
        var offer: @Sendable (inout PaymentRequirements) -> Void = { _ in }
        /// Signed as changed.
        var permit: @Sendable (inout SignedPermit) -> Void = { _ in }
        /// Changed after it was signed.
        var payment: @Sendable (inout Payment) -> Void = { _ in }
    }

    private static let other = TransferVector.all[2].payer

    private static func forged(
        _ change: @escaping @Sendable (inout SignedPermit) -> Void
    ) -> @Sendable (inout Payment) -> Void {
        { payment in
            guard case .permit(var permit) = payment.payload else { return }
            change(&permit)
            payment.payload = .permit(permit)
        }
    }

    @Test(
        "each check has its own code",
        arguments: [
            Case(
                testDescription: "another scheme", exact: .unsupportedScheme, upto: .uptoScheme,
                payment: { $0.scheme = "other" }),
            Case(
                testDescription: "another network", exact: .networkMismatch, upto: .uptoNetworkMismatch,
                payment: { $0.network = Network(chainID: 8453) }),
            Case(
                testDescription: "no chain", exact: .noNetworkConfiguration,
                offer: { $0.network = Fixture.network("offchain:bank") },
                payment: { $0.network = Fixture.network("offchain:bank") }),
            Case(
                testDescription: "asset is a name", exact: .noAssetInformation,
                offer: { $0.asset = .named("USD") }),
            Case(
                testDescription: "an offer of another flow", exact: .invalidPaymentRequirements,
                offer: { $0.extra.others.append(JSONMember("paymentFlow", .string("escrow"))) }),
            Case(testDescription: "another spender", exact: .permitSpender, permit: { $0.spender = other }),
            Case(testDescription: "another recipient", exact: .permitRecipientMismatch, permit: { $0.to = other }),
            Case(
                testDescription: "a name as recipient", exact: .invalidPaymentRequirements,
                offer: { $0.payTo = .named("merchant") }),
            Case(
                testDescription: "another facilitator", exact: .permitSignature, upto: .uptoFacilitatorMismatch,
                permit: { $0.facilitator = other }),
            Case(
                testDescription: "too late", exact: .permitDeadline,
                permit: { $0.deadline = UInt256(UInt64(Fixture.now.seconds) + 5) }),
            Case(
                testDescription: "too early", exact: .permitNotYetValid,
                permit: { $0.validAfter = UInt256(UInt64(Fixture.now.seconds) + 1) }),
            Case(
                testDescription: "for ever", exact: .validityTooLong,
                permit: { $0.deadline = .max }),
            Case(
                testDescription: "less", exact: .permitAmountMismatch,
                permit: { $0.amount = UInt256(9_999) }),
            Case(
                testDescription: "more", exact: .permitAmountMismatch,
                permit: { $0.amount = UInt256(10_001) }),
            Case(testDescription: "another token", exact: .permitTokenMismatch, permit: { $0.token = other }),
            Case(
                testDescription: "another payer", exact: .permitSignature,
                payment: forged { $0.from = other }),
            Case(
                testDescription: "another nonce than signed", exact: .permitSignature,
                payment: forged { $0.nonce = UInt256(2) }),
            Case(
                testDescription: "no signature", exact: .permitSignature,
                payment: forged { $0.signature = .bytes([]) }),
            Case(
                testDescription: "a wallet's signature, and no chain to ask", exact: .permitSignature,
                payment: forged { $0.signature = .bytes([1, 2, 3]) }),
            Case(
                testDescription: "an odd v", exact: .permitSignature,
                payment: forged {
                    guard case .rsv(let r, let s, _) = $0.signature else { return }
                    $0.signature = .rsv(r: r, s: s, v: 5)
                }),
        ])
    func refusals(refused: Case) {
        for (good, reason) in [(Self.exact, refused.exact), (Self.upto, refused.upto ?? refused.exact)] {
            var payment = Self.payment(good, refused.permit)
            var offer = good
            refused.offer(&offer)
            refused.payment(&payment)
            guard case .invalid(let found, _) = outcome(payment, offer) else {
                Issue.record("\(good.scheme): not refused")
                continue
            }
            #expect(found == reason, "\(good.scheme)")
        }
    }

    @Test("an offer is paid by the method that it names")
    func methods() {
        let transfer = Payment.v2(
            TestPayer().sign(Fixture.offer, validBefore: Fixture.validBefore), for: Self.exact)
        #expect(outcome(transfer, Self.exact) == .invalid(.invalidPaymentRequirements, payer: payer))
        let permit = Payment.v2(Self.payment(Self.exact).payload, for: Fixture.offer)
        #expect(outcome(permit, Fixture.offer) == .invalid(.invalidPayload, payer: payer))
        let other = Payment.v2(.other(.object([])), for: Self.upto)
        #expect(outcome(other, Self.upto) == .invalid(.unsupportedPayload, payer: nil))
    }

    private let payer = TestPayer().key.address.checksummed
}
