import Primitives
import Testing
import X402

@Suite("A payment is matched to an offer of ours")
struct OfferMatchTests {
    private let vector = PaymentVector.transfers[0]

    private func offer(_ change: (inout PaymentRequirements) -> Void = { _ in }) throws -> PaymentRequirements {
        var offer = try vector.offer()
        change(&offer)
        return offer
    }

    private func version2(_ change: (inout AcceptedOffer) -> Void = { _ in }) throws -> Payment {
        var payment = try vector.payment(.v2)
        if var accepted = payment.accepted {
            change(&accepted)
            payment.accepted = accepted
        }
        return payment
    }

    @Test("the official client's payment matches the offer it was made for", arguments: PaymentVector.transfers)
    func matchesVectors(vector: PaymentVector) throws {
        let offers = try PaymentVector.transfers.map { try $0.offer() }
        let index = try #require(PaymentVector.transfers.firstIndex { $0.name == vector.name })
        for header in [vector.v2["PAYMENT-SIGNATURE"], vector.v1?["X-PAYMENT"]].compactMap({ $0 }) {
            guard case .payment(let payment) = read(header) else {
                Issue.record("not read")
                continue
            }
            #expect(payment.match(offers) == .offer(index))
        }
    }

    @Test("version 2 ignores the timeout and what the client adds to extra")
    func toleratesVersion2() throws {
        let offers = [try offer { $0.extra.others = [JSONMember("a", .object([JSONMember("b", .number("1"))]))] }]
        let payment = try version2 {
            $0.maxTimeoutSeconds = 5
            $0.extra.others = [
                JSONMember("z", .null),
                JSONMember("a", .object([JSONMember("y", .bool(true)), JSONMember("b", .number("1"))])),
            ]
        }
        #expect(payment.match(offers) == .offer(0))
    }

    @Test("version 2 wants amount, asset, recipient and our extra as they are")
    func refusesVersion2() throws {
        let offers = [try offer { $0.extra.others = [JSONMember("a", .array([.number("1"), .number("2")]))] }]
        let same = [JSONMember("a", JSONValue.array([.number("1"), .number("2")]))]
        #expect(try version2 { $0.extra.others = same }.match(offers) == .offer(0))
        let changes: [(inout AcceptedOffer) -> Void] = [
            { $0.amount = UInt256(9999) }, { $0.asset = .address(.zero) }, { $0.payTo = .named("x") },
            { $0.extra.name = nil }, { $0.extra.version = "1" }, { $0.extra.others = [] },
            { $0.extra.others = [JSONMember("a", .array([.number("1")]))] },
            { $0.extra.others = [JSONMember("a", .array([.number("2"), .number("1")]))] },
        ]
        for (index, change) in changes.enumerated() {
            let payment = try version2 { accepted in
                accepted.extra.others = same
                change(&accepted)
            }
            #expect(payment.match(offers) == .none(.noMatchingOffer), "change \(index)")
        }
    }

    @Test("scheme and network are compared exactly")
    func comparesSchemeAndNetwork() throws {
        let offers = [try offer()]
        var payment = try version2()
        payment.scheme = "Exact"
        #expect(payment.match(offers) == .none(.noMatchingOffer))
        payment = try version2()
        payment.network = Network(chainID: 8453)
        #expect(payment.match(offers) == .none(.networkMismatch))
        var old = try vector.payment(.v1)
        old.network = Network(chainID: 8453)
        #expect(old.match(offers) == .none(.networkMismatch))
    }

    @Test("version 1 takes the offer that was signed, else the first of its network")
    func matchesVersion1() throws {
        let payment = try vector.payment(.v1)
        let elsewhere = try offer { $0.network = Network(chainID: 8453) }
        let dearer = try offer { $0.amount = UInt256(20000) }
        let other = try offer { $0.payTo = .address(.zero) }
        #expect(payment.match([elsewhere, dearer, other, try offer()]) == .offer(3))
        #expect(payment.match([elsewhere, dearer, other]) == .offer(1))
        #expect(payment.match([elsewhere]) == .none(.networkMismatch))
        #expect(payment.match([]) == .none(.networkMismatch))
    }

    @Test("a transfer is not taken for an offer that asks for another method")
    func skipsOtherMethods() throws {
        let permit = try offer { $0.extra.others = [JSONMember("assetTransferMethod", .string("permit2"))] }
        #expect(try vector.payment(.v1).match([permit, try offer()]) == .offer(1))
        #expect(try vector.payment(.plain).match([permit, try offer()]) == .offer(1))
        #expect(try vector.payment(.plain).match([permit]) == .none(.noMatchingOffer))
    }

    @Test("the plain form binds to the only EVM offer")
    func matchesPlainAlone() throws {
        let bank = PaymentRequirements(
            network: try #require(Network("offchain:bank")), asset: .named("USD"), amount: UInt256(1),
            payTo: .named("acct"), maxTimeoutSeconds: 60)
        #expect(try vector.payment(.plain).match([bank, try offer()]) == .offer(1))
        #expect(try vector.payment(.plain).match([bank]) == .none(.noMatchingOffer))
    }

    @Test("with several EVM offers the plain form must name chain and asset")
    func refusesToGuess() throws {
        let offers = [try offer { $0.network = Network(chainID: 8453) }, try offer()]
        var payment = try vector.payment(.plain)
        #expect(payment.match(offers) == .ambiguous)
        payment.network = vector.network
        #expect(payment.match(offers) == .ambiguous)
        payment.asset = Account(vector.domain.verifyingContract.lowercased())
        #expect(payment.match(offers) == .offer(1))
        payment.asset = .address(.zero)
        #expect(payment.match(offers) == .none(.noMatchingOffer))
        payment.network = Network(chainID: 1)
        #expect(payment.match(offers) == .none(.networkMismatch))
    }

    @Test("what the plain form names must agree with the only offer too")
    func comparesPlainNames() throws {
        var payment = try vector.payment(.plain)
        payment.asset = .address(.zero)
        #expect(payment.match([try offer()]) == .none(.noMatchingOffer))
        payment.asset = nil
        payment.network = Network(chainID: 8453)
        #expect(payment.match([try offer()]) == .none(.networkMismatch))
    }
}
