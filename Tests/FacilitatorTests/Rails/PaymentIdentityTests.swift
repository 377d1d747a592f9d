import Facilitator
import Ledger
import Primitives
import Testing
import X402

// The expected keys were computed by a Keccak-256 written for this purpose in another language.
struct PaymentIdentityTests {
    @Test("the identity of a transfer is a fixed encoding")
    func transfer() {
        let identity = PaymentIdentity(of: TransferVector.usdc.payment, for: TransferVector.usdc.offer)
        #expect(
            identity?.key.description == "0x473ac8998ff2f387320c26ab1820524269c90d4a58a7d5f9b5e06665fb7a393f")
        #expect(identity?.publicID == "473ac8998ff2f387320c26ab18205242")
    }

    @Test("only chain, token, payer and nonce make it")
    func sameTransfer() {
        let vector = TransferVector.usdc
        let identity = PaymentIdentity(of: vector.payment, for: vector.offer)
        var transfer = vector.transfer
        transfer.value = .zero
        transfer.to = .zero
        transfer.validBefore = .zero
        transfer.signature = .bytes([])
        var offer = vector.offer
        offer.amount = .zero
        offer.payTo = .named("other")
        #expect(PaymentIdentity(of: .v1(transfer, for: offer), for: offer) == identity)

        var others: [PaymentIdentity?] = []
        transfer.nonce = .zero
        others.append(PaymentIdentity(of: .v2(transfer, for: offer), for: offer))
        transfer.from = .zero
        others.append(PaymentIdentity(of: .v2(transfer, for: offer), for: offer))
        offer.asset = .address(.zero)
        others.append(PaymentIdentity(of: .v2(transfer, for: offer), for: offer))
        offer.network = Network(chainID: 1)
        others.append(PaymentIdentity(of: .v2(transfer, for: offer), for: offer))
        #expect(Set(others + [identity]).count == 5)
    }

    @Test("a local transaction is the prefix and 64 fixed digits")
    func localTransaction() throws {
        let identity = try #require(PaymentIdentity(of: TransferVector.usdc.payment, for: TransferVector.usdc.offer))
        #expect(
            LocalSettlement.transaction(prefix: "0x", identity: identity)
                == "0x23169750502ae442a1d3376b0dffc20d012b37692fa202cdda3e2c153b827089")
    }

    @Test("the identity of an offchain payment is a fixed encoding of its named fields")
    func offchain() {
        let payload = JSONValue.object([
            JSONMember("signature", .string("sig")), JSONMember("paymentIntentId", .string("pi_123")),
        ])
        let network = Fixture.network("offchain:bank")
        let both = OffchainFields().identity(of: payload, scheme: "exact", network: network)
        #expect(both?.key.description == "0x902c50ce1155d8d7760e545faeab2f0c2685f292157354a7676eb011c6bda113")
        let one = OffchainFields(identity: ["paymentIntentId"], others: ["signature"])
            .identity(of: payload, scheme: "exact", network: network)
        #expect(one?.key.description == "0x1a693b954f1cbdb8d653a8118d51466cb4c70021f84c97d2b74855ec268539a6")
    }

    @Test(
        "what is no payment has no identity",
        arguments: [
            #"{}"#, #"[]"#, #""text""#, #"{"paymentIntentId":""}"#, #"{"paymentIntentId":" \t"}"#,
            #"{"paymentIntentId":7}"#, #"{"paymentIntentId":null}"#,
            // A key that anyone can add would make a second payment of one.
            #"{"paymentIntentId":"a","junk":1}"#, #"{"paymentIntentId":"a","PaymentIntentId":"b"}"#,
            #"{"paymentIntentId":"a","signature":{}}"#,
        ])
    func notAPayment(text: String) throws {
        let payload = try JSONValue.parse(Array(text.utf8))
        let identity = OffchainFields().identity(
            of: payload, scheme: "exact", network: Fixture.network("offchain:bank"))
        #expect(identity == nil)
    }

    @Test("order does not matter, values, names, network and scheme do")
    func differences() {
        let network = Fixture.network("offchain:bank")
        func identity(
            _ members: [(String, String)], _ network: Network, scheme: String = "exact"
        ) -> PaymentIdentity? {
            let payload = JSONValue.object(members.map { JSONMember($0.0, .string($0.1)) })
            return OffchainFields().identity(of: payload, scheme: scheme, network: network)
        }
        let base = identity([("paymentIntentId", "a"), ("signature", "b")], network)
        #expect(base == identity([("signature", "b"), ("paymentIntentId", "a")], network))
        let others = [
            identity([("paymentIntentId", "b"), ("signature", "a")], network), identity([("signature", "b")], network),
            identity([("paymentIntentId", "a")], network), identity([("paymentIntentId", "b")], network),
            identity([("paymentIntentId", "a"), ("signature", "b")], Fixture.network("offchain:other")),
            identity([("paymentIntentId", "a"), ("signature", "b")], network, scheme: "other"), base,
        ]
        #expect(Set(others).count == 7)
    }
}
