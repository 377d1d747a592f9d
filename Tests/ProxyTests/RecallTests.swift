import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Payments that come back with a nonce that the chain knows.
@Suite("Recalling a payment")
struct RecallTests {
    private let ledger = MemoryLedger()
    private let rail = ScriptedRail()
    private let used = VerifyOutcome.invalid(.nonceAlreadyUsed, payer: nil)

    private let payment = Payer().pay()
    private let offer = Offers.offer()

    /// Claims the payment and makes these transitions; `owner` nil is the paywall.
    private func claim(owner: ClaimOwner? = nil, _ events: PaymentEvent...) async throws {
        let identity = try #require(rail.identity(of: payment, for: offer))
        let claim = Claim(
            identity: identity,
            owner: owner ?? .paywall(RequestBinding(route: "/x", method: "GET", target: .zero)), adapter: rail.id,
            form: .v2, timing: .before, scheme: offer.scheme, network: offer.network, asset: offer.asset,
            amount: offer.amount, payTo: offer.payTo, payer: "payer", validBefore: Offers.validBefore)
        let request = ReserveRequest(claim: claim, opening: .settling, now: UnixTime(Offers.start))
        let outcome = try await withCheckedContinuation { done in
            ledger.reserve(request) { done.resume(returning: $0) }
        }.get()
        guard case .granted(let reference) = outcome else { return }
        for event in events {
            await withCheckedContinuation { done in
                ledger.apply(event, to: reference, now: UnixTime(Offers.start)) { _ in done.resume() }
            }
        }
    }

    private func recalled(_ outcome: VerifyOutcome) async throws -> Bool {
        let recalled = try await outcome.recalled(payment, for: offer, rail: rail, ledger: ledger)
        guard case .valid = recalled else {
            #expect(recalled == outcome)
            return false
        }
        return true
    }

    @Test("one that nobody claimed here is refused, whatever the chain says")
    func unknown() async throws {
        rail.move()
        #expect(try await !recalled(used))
    }

    @Test("one that was sent, let go of and moved all the same may be claimed again", arguments: [true, false])
    func movedAfterRelease(hasMoved: Bool) async throws {
        try await claim(.sent(transaction: "0x1"), .released(reason: "failed"))
        if hasMoved { rail.move() }
        #expect(try await recalled(used) == hasMoved)
        #expect(try await !recalled(.invalid(.validBefore, payer: nil)))
        #expect(try await !recalled(.invalid(.signature, payer: nil)))
    }

    @Test("one that was never sent from here was spent elsewhere, and is refused")
    func neverSent() async throws {
        try await claim(.released(reason: "unavailable"))
        rail.move()
        #expect(try await !recalled(used))
    }

    @Test("one that a seller claimed is none of the paywall's")
    func sellers() async throws {
        let seller = ClaimOwner.seller(SellerBinding(seller: "a", call: .zero))
        try await claim(owner: seller, .sent(transaction: "0x1"), .released(reason: "failed"))
        rail.move()
        #expect(try await !recalled(used))
    }

    @Test("one whose claim is let go of between look and claim is granted nothing: nobody saw its signature")
    func letGoMeanwhile() async throws {
        try await claim(.uncertain(transaction: "0x1"))
        guard
            case .valid(let verified) = try await used.recalled(payment, for: offer, rail: rail, ledger: ledger)
        else {
            Issue.record("not recalled")
            return
        }
        #expect(verified.isRecalled)
        let record = try #require(try await ledger.payment(verified.identity))
        await withCheckedContinuation { done in
            ledger.apply(.released(reason: "expired"), to: record.reference, now: UnixTime(Offers.start)) { _ in
                done.resume()
            }
        }
        var request = ReserveRequest(claim: record.claim, opening: .settling, now: UnixTime(Offers.start))
        request.recallsOnly = verified.isRecalled
        let again = request
        let outcome = try await withCheckedContinuation { done in
            ledger.reserve(again) { done.resume(returning: $0) }
        }.get()
        #expect(outcome == .used)
    }

    @Test("one that is open or settled is its claim's to decide")
    func open() async throws {
        try await claim(.uncertain(transaction: "0x1"))
        #expect(try await recalled(used))
        #expect(try await recalled(.invalid(.validBefore, payer: nil)))
    }
}
