import EVM
import Ledger
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

/// A rail on the fake chain, with a ledger and a clock that the test holds.
///
/// The wall clock is the chain's. While somebody sleeps a block is mined, unless `minesWhileAsleep` says no.
struct ChainBench: Sendable {
    let fake: FakeChain
    let clock: ChainClock
    let ledger: MemoryLedger
    let rail: ChainRail
    let settings: ChainSettings
    var offer = TransferVector.usdc.offer

    init(
        fake: FakeChain = .withToken(), clock: ChainClock = ChainClock(), ledger: MemoryLedger = MemoryLedger(),
        minesWhileAsleep: Bool = true, schemes: [String] = ["exact"], _ change: (inout ChainSettings) -> Void = { _ in }
    ) {
        var settings = Self.settings(fake)
        change(&settings)
        let scope = AdapterScope(
            id: "chain", versions: [1, 2], schemes: schemes,
            networks: [Fixture.pattern(TransferVector.usdc.offer.network.description)],
            signers: [])
        rail = ChainRail(
            scope, settings: settings, chain: Chain(fake), ledger: ledger, clock: clock.clock, now: { fake.time })
        if minesWhileAsleep { clock.onSleep { fake.mine() } }
        self.fake = fake
        self.clock = clock
        self.ledger = ledger
        self.settings = settings
    }

    /// Settings for the fake chain: its token, its signer.
    static func settings(_ fake: FakeChain) -> ChainSettings {
        ChainSettings(
            chainID: fake.with { $0.chainID }, urls: [], keys: [FakeChain.signer],
            assets: fake.world.tokens.values.map { ChainAsset(domain: $0.domain) })
    }

    /// A payment of the offer that stays valid for a while.
    func payment(_ nonce: UInt64 = 1, by payer: TestPayer = TestPayer(), validFor seconds: Int64 = 100) -> Payment {
        let end = UInt64(fake.time.adding(seconds: seconds).seconds)
        return .v2(payer.sign(offer, nonce: nonce, validBefore: end), for: offer)
    }

    /// A payment with another signature than its payer's key makes.
    func payment(signedWith signature: [UInt8], by payer: Address, nonce: UInt64 = 1) -> Payment {
        guard case .transfer(var transfer) = payment(nonce).payload else { preconditionFailure("not a transfer") }
        transfer.from = payer
        transfer.signature = PaymentSignature(signature)
        return .v2(transfer, for: offer)
    }

    /// Claims a payment in the ledger, so that the rail may settle it.
    func claim(
        _ payment: Payment, timing: SettlementTiming = .before, opening: ClaimOpening? = nil
    ) async throws -> SettleOrder {
        let identity = try #require(rail.identity(of: payment, for: offer))
        let (payer, end): (Address, UInt256)
        switch payment.payload {
        case .transfer(let transfer): (payer, end) = (transfer.from, transfer.validBefore)
        case .permit(let permit): (payer, end) = (permit.from, permit.deadline)
        case .other: preconditionFailure("not a transfer")
        }
        let claim = Claim(
            identity: identity, owner: .paywall(RequestBinding(route: "/x", method: "GET", target: .zero)),
            adapter: rail.id, form: payment.form, timing: timing, scheme: offer.scheme, network: offer.network,
            asset: offer.asset, amount: offer.amount, payTo: offer.payTo, payer: payer.checksummed,
            validBefore: end.uint64.map { UnixTime(Int64($0)) },
            settlement: SettlementBlob(payment: payment, requirements: offer).encoded())
        let opening = opening ?? (timing == .before ? .settling : .forwarding(until: fake.time.adding(seconds: 600)))
        guard
            case .granted(let reference) = try await ledger.claim(
                ReserveRequest(claim: claim, opening: opening, now: fake.time))
        else { preconditionFailure("the claim was not granted") }
        return SettleOrder(
            payment: payment, requirements: offer, identity: identity, payer: claim.payer, reference: reference)
    }

    /// Makes a transition of a claimed payment.
    func apply(_ event: PaymentEvent, _ order: SettleOrder) async throws {
        let reference = try #require(order.reference)
        guard case .applied = try await ledger.record(event, of: reference, now: fake.time) else {
            Issue.record("the ledger refused \(event)")
            return
        }
    }

    /// The ledger's record of a claimed payment.
    func record(_ order: SettleOrder) async throws -> PaymentRecord {
        try #require(try await ledger.payment(order.identity))
    }

    /// Claims a payment and lets its fate be unknown, as after a crash.
    func uncertain(_ payment: Payment, transaction: String? = nil) async throws -> SettleOrder {
        let order = try await claim(payment)
        try await apply(.uncertain(transaction: transaction), order)
        return order
    }

    /// A settlement of a payment by somebody else's transaction, put into the pool.
    @discardableResult
    func front(_ payment: Payment, by key: PrivateKey = Self.stranger, nonce: UInt64 = 0) async throws -> Bytes32 {
        guard case .transfer(let transfer) = payment.payload else { preconditionFailure("not a transfer") }
        fake.changeWorld { $0.balances[key.address] = UInt256(highToLow: 0, 0, 1, 0) }
        let signed = FakeChain.transaction(nonce: nonce, data: FakeChain.callData(transfer), key: key)
        _ = try await Chain(fake).send(signed.raw)
        return signed.hash
    }

    /// What the recipient of the offer has.
    var received: UInt256 {
        guard let payTo = offer.payTo.address else { return .zero }
        return fake.world.tokens[FakeChain.tokenAddress]?.balances[payTo] ?? .zero
    }

    /// Transactions of a sender in blocks.
    func sent(by key: PrivateKey = FakeChain.signer) -> [RawTransaction] {
        fake.with { state in state.blocks.flatMap { $0.transactions.filter { $0.from == key.address } } }
    }

    /// A key that is none of ours.
    static let stranger = key(0x77)

    /// A key that is a byte all over.
    static func key(_ byte: UInt8) -> PrivateKey {
        let digits = String(byte, radix: 16)
        guard let key = PrivateKey(hex: String(repeating: digits.count == 1 ? "0" + digits : digits, count: 32)) else {
            preconditionFailure("a constant key")
        }
        return key
    }

    /// A payer of its own with money.
    func payer(_ byte: UInt8, balance: UInt64 = 1_000_000) -> TestPayer {
        let payer = TestPayer(key: Self.key(byte))
        fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances[payer.key.address] = UInt256(balance) }
        return payer
    }
}

extension FakeChain {
    /// The chain's wall clock.
    var time: UnixTime { UnixTime(Int64(with { $0.now })) }
}
