import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

struct TransferVerifierTests {
    private func verdict(
        _ payment: Payment, _ offer: PaymentRequirements, now: UnixTime,
        settings: MockEVMSettings = MockEVMSettings()
    ) -> VerifyOutcome? {
        let rail = MockEVMRail(
            AdapterScope(id: "mock", networks: [Fixture.pattern("eip155:*")]), settings: settings)
        var keys = PublicKeyCache()
        guard case .decided(let outcome) = rail.verifyLocally(payment, for: offer, now: now, keys: &keys) else {
            return nil
        }
        return outcome
    }

    private func reason(_ outcome: VerifyOutcome?) -> ReasonCode? {
        guard case .invalid(let reason, _) = outcome else { return nil }
        return reason
    }

    private func isValid(_ outcome: VerifyOutcome?) -> Bool {
        guard case .valid = outcome else { return false }
        return true
    }

    @Test("every signed vector is valid, in every form of its signature", arguments: TransferVector.all)
    func vectors(vector: TransferVector) {
        let signatures = [vector.transfer.signature.bytes, vector.signatureV01, vector.compactSignature]
        // The far ends of some vectors are beyond any sensible validity, so their own second is `now`.
        for signature in signatures {
            var transfer = vector.transfer
            transfer.signature = PaymentSignature(signature)
            for payment in [Payment.v2(transfer, for: vector.offer), Payment.v1(transfer, for: vector.offer)] {
                let outcome = verdict(payment, vector.offer, now: vector.now)
                guard case .valid(let verified) = outcome else {
                    Issue.record("\(String(describing: outcome))")
                    continue
                }
                #expect(verified.payer == vector.payer.checksummed)
                #expect(verified.validBefore.map { UInt64($0.seconds) } == vector.transfer.validBefore.uint64)
            }
        }
    }

    @Test("the malleated twin of every vector is refused", arguments: TransferVector.all)
    func highS(vector: TransferVector) {
        var transfer = vector.transfer
        transfer.signature = PaymentSignature(vector.highSSignature)
        #expect(reason(verdict(.v2(transfer, for: vector.offer), vector.offer, now: vector.now)) == .signature)
    }

    @Test("a signature for another domain, and every other negative vector, is refused")
    func negative() {
        #expect(TransferVector.negative.count == 5)
        let vector = TransferVector.usdc
        for (index, negative) in TransferVector.negative.enumerated() {
            var transfer = vector.transfer
            var offer = vector.offer
            transfer.signature = PaymentSignature(negative.signature)
            switch index {
            case 0: offer.extra.version = "1"
            case 1: offer.extra.name = "USD Coin"
            case 2: offer.network = Network(chainID: 8453)
            case 3: offer.asset = TransferVector.all[1].offer.asset
            default: break
            }
            #expect(
                reason(verdict(.v2(transfer, for: offer), offer, now: vector.now)) == .signature, "\(negative.name)")
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let reason: ReasonCode
        var change: @Sendable (inout Payment, inout PaymentRequirements) -> Void
        var testDescription: String { name }

        init(
            _ name: String, _ reason: ReasonCode,
            _ change: @escaping @Sendable (inout Payment, inout PaymentRequirements) -> Void
        ) {
            self.name = name
            self.reason = reason
            self.change = change
        }
    }

    private static func transfer(
        _ change: @escaping @Sendable (inout SignedTransfer) -> Void
    ) -> @Sendable (inout Payment, inout PaymentRequirements) -> Void {
        { payment, _ in
            guard case .transfer(var transfer) = payment.payload else { return }
            change(&transfer)
            payment.payload = .transfer(transfer)
        }
    }

    private static let other = TransferVector.all[2].payer

    @Test(
        "each check has its own code",
        arguments: [
            Case("payment of another scheme", .unsupportedScheme) { payment, _ in payment.scheme = "upto" },
            Case("offer of another scheme", .unsupportedScheme) { _, offer in offer.scheme = "upto" },
            Case("another network", .networkMismatch) { payment, _ in payment.network = Network(chainID: 8453) },
            Case("no chain", .noNetworkConfiguration) { payment, offer in
                offer.network = Fixture.network("offchain:bank")
                payment.network = offer.network
            },
            Case("asset is a name", .noAssetInformation) { _, offer in offer.asset = .named("USD") },
            Case("no domain name", .missingDomain) { _, offer in offer.extra.name = nil },
            Case("no domain version", .missingDomain) { _, offer in offer.extra.version = nil },
            Case("Permit2 is asked for", .invalidPaymentRequirements) { _, offer in
                offer.extra.others = [JSONMember("assetTransferMethod", .string("permit2"))]
            },
            Case("another recipient", .recipientMismatch, transfer { $0.to = other }),
            Case("recipient is a name", .recipientMismatch) { _, offer in offer.payTo = .named("merchant") },
            Case("one unit too little", .valueMismatch, transfer { $0.value = UInt256(9999) }),
            Case("one unit too much", .valueMismatch, transfer { $0.value = UInt256(10_001) }),
            Case("no signature", .signature, transfer { $0.signature = .bytes([]) }),
            Case("a wallet's signature", .undeployedSmartWallet, transfer { $0.signature = .bytes([1, 2, 3]) }),
            Case(
                "a wrapped signature", .undeployedSmartWallet,
                transfer { $0.signature = .bytes(TransferVector.wrapped) }),
            Case("v of 29", .failedToVerifySignature, transfer { $0.signature = .v(29, of: $0.signature) }),
            Case("v of 2", .failedToVerifySignature, transfer { $0.signature = .v(2, of: $0.signature) }),
            Case("the other parity", .signature, transfer { $0.signature = .v(28, of: $0.signature) }),
            Case("another payer", .signature, transfer { $0.from = other }),
            Case("another nonce", .signature, transfer { $0.nonce = .zero }),
            Case("another validAfter", .signature, transfer { $0.validAfter = UInt256(1) }),
            Case(
                "r of zero", .failedToVerifySignature,
                transfer { $0.signature = .bytes([UInt8](repeating: 0, count: 64)) }),
            Case("no transfer", .invalidPayload) { payment, _ in payment.payload = .other(.object([])) },
        ])
    func refusals(of refusal: Case) {
        var payment = TransferVector.usdc.payment
        var offer = TransferVector.usdc.offer
        #expect(isValid(verdict(payment, offer, now: TransferVector.usdc.now)))
        refusal.change(&payment, &offer)
        #expect(reason(verdict(payment, offer, now: TransferVector.usdc.now)) == refusal.reason)
    }

    @Test(
        "validity is strict at both ends, and bounded",
        arguments: [
            // validAfter, validBefore, reason; now is 1 800 000 000.
            (0, 1_800_000_006, nil), (0, 1_800_000_005, .validBefore), (0, 1_799_999_999, .validBefore),
            (1_799_999_999, 1_800_000_060, nil), (1_800_000_000, 1_800_000_060, .validAfter),
            (0, 1_800_086_400, nil), (0, 1_800_086_401, .validityTooLong),
            // Two faults at once: the earlier check speaks.
            (1_800_000_000, 1_800_000_005, .validBefore), (1_800_000_000, 1_900_000_000, .validAfter),
        ] as [(UInt64, UInt64, ReasonCode?)])
    func windows(validAfter: UInt64, validBefore: UInt64, expected: ReasonCode?) {
        let transfer = TestPayer().sign(Fixture.offer, validAfter: validAfter, validBefore: validBefore)
        let outcome = verdict(.v2(transfer, for: Fixture.offer), Fixture.offer, now: Fixture.now)
        #expect(reason(outcome) == expected)
        #expect(isValid(outcome) == (expected == nil))
    }

    @Test("times beyond 64 bits are far away, not near")
    func hugeTimes() {
        var transfer = TestPayer().sign(Fixture.offer, validBefore: Fixture.validBefore)
        transfer.validBefore = .max
        #expect(
            reason(verdict(.v2(transfer, for: Fixture.offer), Fixture.offer, now: Fixture.now)) == .validityTooLong)
        transfer.validAfter = .max
        #expect(reason(verdict(.v2(transfer, for: Fixture.offer), Fixture.offer, now: Fixture.now)) == .validAfter)
    }

    @Test("margin and longest validity are settings")
    func policy() {
        let transfer = TestPayer().sign(Fixture.offer, validBefore: UInt64(Fixture.now.seconds) + 30)
        let payment = Payment.v2(transfer, for: Fixture.offer)
        let wide = MockEVMSettings(policy: TransferPolicy(validBeforeMargin: 31))
        let short = MockEVMSettings(policy: TransferPolicy(maxValidity: 29))
        #expect(reason(verdict(payment, Fixture.offer, now: Fixture.now, settings: wide)) == .validBefore)
        #expect(reason(verdict(payment, Fixture.offer, now: Fixture.now, settings: short)) == .validityTooLong)
    }

    @Test("the plain form without a chain takes the offer's")
    func plain() {
        let transfer = TestPayer().sign(Fixture.offer, validBefore: Fixture.validBefore)
        let payment = Payment(form: .plain, scheme: "exact", network: nil, payload: .transfer(transfer))
        #expect(isValid(verdict(payment, Fixture.offer, now: Fixture.now)))
    }

    @Test("a domain that no table holds is computed")
    func unknownDomain() {
        var offer = Fixture.offer
        offer.extra = OfferExtra(name: "Local Dollar", version: "7")
        let transfer = TestPayer().sign(offer, validBefore: Fixture.validBefore)
        #expect(isValid(verdict(.v2(transfer, for: offer), offer, now: Fixture.now)))
    }
}

extension PaymentSignature {
    /// The same signature with another last byte.
    fileprivate static func v(_ v: UInt8, of signature: PaymentSignature) -> PaymentSignature {
        guard case .rsv(let r, let s, _) = signature else { return signature }
        return .rsv(r: r, s: s, v: v)
    }
}
