import Facilitator
import Ledger
import Primitives
import Transport
import X402

/// A rail under test, with the peer behind it where it has one, and a payment that it takes.
struct RailBench: Sendable {
    let rail: any Rail
    let payment: Payment
    let offer: PaymentRequirements
    let peer: FakePeer?
    let ledger: MemoryLedger
    let clock: TestClock

    /// Every kind of rail.
    enum Kind: String, CaseIterable, Sendable {
        case mockEVM, mockOffchain, bridge, remote
    }

    /// One client for all: reading the system's certificate authorities takes its time.
    static let client = Result { () throws(TransportError) in try OutgoingClient(group: FakePeer.group) }

    /// A rail whose peer, if any, takes every payment.
    static func make(_ kind: Kind) async throws -> RailBench {
        switch kind {
        case .mockEVM:
            return try await make(kind, .mockEVM(MockEVMSettings()), peer: nil)
        case .mockOffchain:
            return try await make(kind, .mockOffchain(MockOffchainSettings()), peer: nil)
        case .bridge:
            let peer = try await FakePeer.start(FakeBridge.takesAll)
            return try await make(kind, .bridge(BridgeSettings(baseURL: peer.url)), peer: peer)
        case .remote:
            let peer = try await FakePeer.start(FakeFacilitator.takesAll)
            return try await make(kind, .remote(RemoteSettings(url: peer.url)), peer: peer)
        }
    }

    static func make(
        _ kind: Kind, _ backend: AdapterConfiguration.Backend, peer: FakePeer?
    ) async throws -> RailBench {
        let isOffchain = kind == .mockOffchain || kind == .bridge
        let scope = AdapterScope(
            id: kind.rawValue, versions: isOffchain ? [2] : [1, 2],
            networks: [Fixture.pattern(isOffchain ? "offchain:*" : "eip155:*")], signers: ["signer"])
        let ledger = MemoryLedger()
        let clock = TestClock()
        let factory = RailFactory(
            client: try client.get(), ledger: ledger, clock: clock.clock, now: { UnixTime(1_800_000_000) })
        let rail = try factory.make(AdapterConfiguration(scope: scope, backend: backend))
        let offer = isOffchain ? Fixture.bankOffer : Fixture.offer
        let payment =
            isOffchain
            ? Fixture.bankPayment([("paymentIntentId", .string("pi_1")), ("signature", .string("s"))])
            : Payment.v2(TestPayer().sign(offer, validBefore: Fixture.validBefore), for: offer)
        return RailBench(rail: rail, payment: payment, offer: offer, peer: peer, ledger: ledger, clock: clock)
    }

    /// The order for the payment, with the identity that verification gave.
    func order() async throws -> SettleOrder? {
        guard case .valid(let verified) = try await rail.verify(payment, for: offer, now: Fixture.now) else {
            return nil
        }
        return SettleOrder(
            payment: payment, requirements: offer, identity: verified.identity, payer: verified.payer)
    }

    /// The record of an order whose fate is unknown.
    func record(_ order: SettleOrder, transaction: String? = nil) -> PaymentRecord {
        let claim = Claim(
            identity: order.identity, owner: .seller(SellerBinding(seller: "test", call: .zero)), adapter: rail.id,
            form: order.payment.form,
            timing: .before, scheme: offer.scheme, network: offer.network, asset: offer.asset, amount: offer.amount,
            payTo: offer.payTo, payer: order.payer, validBefore: nil,
            settlement: SettlementBlob(payment: order.payment, requirements: offer).encoded())
        return PaymentRecord(
            reference: PaymentReference(identity: order.identity, row: 1), claim: claim,
            state: PaymentState(value: .uncertain, service: .unused), createdAt: Fixture.now, updatedAt: Fixture.now,
            transaction: transaction)
    }
}

/// Scripts of a bridge.
enum FakeBridge {
    /// Takes every payment, under a transaction named after the idempotency key.
    static let takesAll: @Sendable (FakePeer.Request) -> FakePeer.Reply = { request in
        switch request.path {
        case "/verify": .answer(#"{"valid":true,"payer":"bank:alice","reason":null}"#)
        default:
            .answer(
                #"{"success":true,"payer":"bank:alice","transaction":"tx-\#(request.field("idempotency-key") ?? "")","reason":null}"#
            )
        }
    }
}

/// Scripts of a facilitator.
enum FakeFacilitator {
    static let transaction = "0x" + String(repeating: "ab", count: 32)

    /// Takes every payment.
    static let takesAll: @Sendable (FakePeer.Request) -> FakePeer.Reply = { request in
        switch request.path {
        case "/verify": .answer(#"{"isValid":true,"payer":"\#(TransferVector.usdc.payer.lowercased)"}"#)
        case "/settle":
            .answer(
                #"{"success":true,"transaction":"\#(transaction)","network":"\#(request.network)","payer":"\#(TransferVector.usdc.payer.lowercased)"}"#
            )
        default:
            .answer(
                #"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532"}],"extensions":[],"signers":{}}"#
            )
        }
    }
}

extension FakePeer.Request {
    /// The network of the requirements in the body.
    var network: String { json["paymentRequirements"]?["network"]?.string ?? "" }
}
