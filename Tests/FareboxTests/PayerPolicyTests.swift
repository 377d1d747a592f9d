import EVM
import Primitives
import Testing
import X402

@testable import farebox

@Suite("What a payer signs")
struct PayerPolicyTests {
    private let now = UnixTime(1_800_000_000)
    private let usdc = Account("0x036CbD53842c5426634e7929541eC2318f3dCF7e")
    private let payTo = Account("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

    private func offer(
        amount: UInt64 = 10_000, chain: UInt64 = 84532, asset: Account? = nil, scheme: String = "exact",
        seconds: Int = 60, extra: OfferExtra = OfferExtra(name: "USDC", version: "2")
    ) -> PaymentRequirements {
        PaymentRequirements(
            scheme: scheme, network: Network(chainID: chain), asset: asset ?? usdc, amount: UInt256(amount),
            payTo: payTo, maxTimeoutSeconds: seconds, extra: extra)
    }

    private func choose(
        _ offers: [PaymentRequirements], limit: String = "$1", network: Network? = nil, expires: UInt64? = nil
    ) throws -> PayerPolicy.Choice {
        let policy = PayerPolicy(limit: try SpendingLimit(limit), network: network)
        return policy.choose(among: PaymentRequiredAnswer(form: .v2, offers: offers, expires: expires), now: now)
    }

    private func refusals(_ choice: PayerPolicy.Choice) -> [OfferRefusal] {
        guard case .nothing(let refused) = choice else { return [] }
        return refused.map(\.refusal)
    }

    @Test("the first offer that keeps to the rules is taken")
    func order() throws {
        let offers = [offer(amount: 2_000_000), offer(scheme: "upto"), offer(amount: 5), offer(amount: 1)]
        guard case .pay(let chosen) = try choose(offers) else {
            Issue.record("nothing chosen")
            return
        }
        #expect(chosen.requirements.amount == UInt256(5))
        #expect(chosen.domain.name == "USDC")
        #expect(chosen.domain.verifyingContract == usdc.address)
        #expect(chosen.domain.chainID == 84532)
    }

    @Test("each rule refuses for its own reason")
    func reasons() throws {
        let unknown = Account("0x0000000000000000000000000000000000000001")
        #expect(refusals(try choose([offer(amount: 1_000_001)])) == [.aboveLimit])
        #expect(refusals(try choose([offer(asset: unknown)])) == [.unknownAsset])
        #expect(refusals(try choose([offer(asset: unknown, extra: OfferExtra())])) == [.noDomain])
        #expect(refusals(try choose([offer(scheme: "upto")])) == [.notPayable])
        #expect(refusals(try choose([offer()], network: Network(chainID: 8453))) == [.otherNetwork])
        #expect(refusals(try choose([offer()], expires: 1_800_000_000)) == [.expired])
        #expect(refusals(try choose([])) == [])
    }

    @Test("an offer without a domain takes the catalogue's")
    func domainOfCatalogue() throws {
        guard case .pay(let chosen) = try choose([offer(extra: OfferExtra())]) else {
            Issue.record("nothing chosen")
            return
        }
        #expect(chosen.domain == AssetCatalogue.asset(id: "usdc@base-sepolia")?.domain)
    }

    @Test(
        "a signature is good from ten minutes ago, for as long as was asked, a day at most",
        arguments: [(60, 60), (0, 3600), (86_400, 86_400), (1_000_000, 86_400), (Int.max, 86_400)])
    func validity(asked: Int, granted: Int) throws {
        guard case .pay(let chosen) = try choose([offer(seconds: asked)]) else {
            Issue.record("nothing chosen")
            return
        }
        let order = PaymentOrder(chosen, form: .v2, payer: .zero, now: now, nonce: .zero)
        #expect(order.authorization.validAfter == UInt256(1_799_999_400))
        #expect(order.authorization.validBefore == UInt256(UInt64(1_800_000_000 + granted)))
    }

    @Test("a plain offer's own end bounds the signature")
    func plainExpiry() throws {
        guard case .pay(let chosen) = try choose([offer(seconds: 0)], expires: 1_800_000_030) else {
            Issue.record("nothing chosen")
            return
        }
        let order = PaymentOrder(chosen, form: .plain, payer: .zero, now: now, nonce: .zero)
        #expect(order.authorization.validBefore == UInt256(1_800_000_030))
    }

    @Test(
        "what is signed names the payer, and reads as the same payment in every form",
        arguments: [PaymentForm.v1, .v2, .plain])
    func signed(form: PaymentForm) throws {
        let key = PrivateKey.random()
        guard case .pay(let chosen) = try choose([offer()]) else {
            Issue.record("nothing chosen")
            return
        }
        let order = PaymentOrder(chosen, form: form, payer: key.address, now: now, nonce: .zero)
        let payment = order.signed(by: key)
        let field = PaymentField(payment, payload: payment.json)
        #expect(field.name == (form == .v2 ? "PAYMENT-SIGNATURE" : "X-PAYMENT"))
        let read = try #require(PaymentField(resending: field.value))
        #expect(read.payment.form == form)
        #expect(read.payment.payload == payment.payload)
        #expect(read.payment.match([offer()]) == .offer(0))
        guard case .transfer(let transfer) = payment.payload, case .rsv(let r, let s, let v) = transfer.signature else {
            Issue.record("not a transfer")
            return
        }
        let bytes = r.bytes + s.bytes + [v]
        guard case .signature(let signature) = bytes.withUnsafeBytes(RecoverableSignature.parse) else {
            Issue.record("not a signature")
            return
        }
        #expect(Secp256k1.shared.recoverAddress(digest: order.digest, signature: signature) == key.address)
    }

    @Test("an offer goes back in the server's own spelling")
    func echo() throws {
        let entry = """
            {"scheme":"exact","network":"eip155:84532","amount":"10000",\
            "asset":"0x036cbd53842c5426634e7929541ec2318f3dcf7e","payTo":"0x70997970c51812dc3a010c7d01b50e0d17dc79c8",\
            "maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2","order":"7"}}
            """
        let header = Base64.encode(
            Array(#"{"x402Version":2,"resource":{"url":"http://h/x","tags":["a"]},"accepts":[\#(entry)]}"#.utf8))
        let challenge = try PaymentRequiredAnswer.parse(
            paymentRequiredHeader: header, body: UnsafeRawBufferPointer(start: nil, count: 0), xPaymentRequired: nil)
        let policy = PayerPolicy(limit: try SpendingLimit("$1"))
        guard case .pay(let chosen) = policy.choose(among: challenge, now: now) else {
            Issue.record("nothing chosen")
            return
        }
        let order = PaymentOrder(chosen, form: .v2, payer: .zero, now: now, nonce: .zero)
        let payment = order.signed(by: .random())
        let payload = OfferEcho(paymentRequired: header).payload(of: payment, for: chosen.requirements)
        #expect(payload["accepted"] == (try JSONValue.parse(Array(entry.utf8))))
        #expect(payload["resource"]?["tags"] == .array([.string("a")]))
        #expect(payload["payload"] == payment.json["payload"])
    }
}
