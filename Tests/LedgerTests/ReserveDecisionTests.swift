import Ledger
import Primitives
import Testing

@Suite("The judgement of a claim on a known payment")
struct ReserveDecisionTests {
    enum Verdict: Hashable, Sendable {
        case granted, redelivery, inFlight, pending, used, proofRequired
    }

    /// The entry of a payment in any state, as an honest history leaves it.
    static func entry(
        _ state: PaymentState, timing: SettlementTiming = .before, owner: ClaimOwner = .paywall(Sample.binding)
    ) -> PaymentEntry {
        let request = Sample.request(owner: owner, timing: timing)
        var entry = PaymentEntry(granting: request, row: 3)
        entry.record.state = state
        entry.record.transaction = "0xabc"
        entry.record.leaseUntil = state.service == .forwarding ? Sample.lease : nil
        entry.grant = Sample.grant
        entry.client = Sample.client
        entry.waitingSince = Sample.start
        entry.record.body = Sample.print
        return entry
    }

    static func verdict(_ request: ReserveRequest, over entry: PaymentEntry) -> Verdict {
        let outcome: ReserveOutcome
        switch request.decide(over: entry) {
        case .insert: return .granted
        case .replace(_, let answer): outcome = answer
        case .refuse(let answer): outcome = answer
        }
        return switch outcome {
        case .granted, .settleFirst: .granted
        case .overdrawn: .used
        case .redelivery: .redelivery
        case .inFlight: .inFlight
        case .pending: .pending
        case .used, .answered, .identifierRefused: .used
        case .proofRequired: .proofRequired
        }
    }

    static let withGrant = PresenterProof(grant: Sample.grant)

    /// What the payment's own presenter hears, with the token, while a lease lives.
    static let table: [(ValueState, [Verdict])] = [
        // unused, forwarding, delivered, undelivered
        (.reserved, [.inFlight, .inFlight, .used, .inFlight]),
        (.settling, [.inFlight, .inFlight, .used, .inFlight]),
        (.uncertain, [.pending, .pending, .used, .pending]),
        (.settled, [.redelivery, .inFlight, .used, .redelivery]),
        (.released, [.granted, .granted, .granted, .granted]),
        (.expired, [.granted, .granted, .granted, .granted]),
        (.owed, [.used, .used, .used, .used]),
        (.writtenOff, [.used, .used, .used, .used]),
    ]

    @Test("Every state answers its own presenter as the rules say", arguments: table)
    func everyState(value: ValueState, verdicts: [Verdict]) {
        for (service, expected) in zip(ServiceState.allCases, verdicts) {
            let request = Sample.request(proof: Self.withGrant)
            let found = Self.verdict(request, over: Self.entry(PaymentState(value, service)))
            #expect(found == expected, "\(value) \(service)")
        }
    }

    @Test(
        "A payment that is only recalled is granted nothing anew, and answered otherwise as any other", arguments: table
    )
    func recalled(value: ValueState, verdicts: [Verdict]) {
        for (service, usual) in zip(ServiceState.allCases, verdicts) {
            var request = Sample.request(proof: Self.withGrant)
            request.recallsOnly = true
            let found = Self.verdict(request, over: Self.entry(PaymentState(value, service)))
            #expect(found == (usual == .granted ? .used : usual), "\(value) \(service)")
        }
        var request = Sample.request()
        request.recallsOnly = true
        #expect(request.decide(over: nil) == .refuse(.used))
    }

    @Test("An unknown payment is granted")
    func unknown() {
        guard case .insert(let entry) = Sample.request().decide(over: nil) else {
            Issue.record("not granted")
            return
        }
        #expect(entry.record.state == PaymentState(.reserved, .unused))
        #expect(entry.record.claim == Sample.claim())
    }

    @Test("Another party than the owner only ever hears that the payment is used", arguments: Sample.states)
    func otherParty(state: PaymentState) {
        let isFree = state.value == .released || state.value == .expired
        let expected: Verdict = isFree ? .granted : .used
        let owners: [(ClaimOwner, ClaimOwner)] = [
            (.paywall(Sample.binding), Sample.seller("a")), (Sample.seller("a"), .paywall(Sample.binding)),
            (Sample.seller("a"), Sample.seller("b")),
        ]
        for (owner, presenter) in owners {
            let request = Sample.request(owner: presenter, proof: Self.withGrant)
            #expect(Self.verdict(request, over: Self.entry(state, owner: owner)) == expected)
        }
    }

    @Test("A seller's settled payment opens nothing again, not even for that seller")
    func sellersGetNoRedelivery() {
        let request = Sample.request(owner: Sample.seller("a"), proof: Self.withGrant)
        let entry = Self.entry(PaymentState(.settled, .unused), owner: Sample.seller("a"))
        #expect(Self.verdict(request, over: entry) == .used)
    }

    static let otherBindings: [RequestBinding] = [
        RequestBinding(route: "GET /v1/dear", method: Sample.binding.method, target: Sample.binding.target),
        RequestBinding(route: Sample.binding.route, method: "POST", target: Sample.binding.target),
        Sample.otherTarget,
    ]

    @Test("Another route, method or target is no redelivery", arguments: otherBindings)
    func otherBinding(binding: RequestBinding) {
        let request = Sample.request(owner: .paywall(binding), proof: Self.withGrant)
        #expect(Self.verdict(request, over: Self.entry(PaymentState(.settled, .undelivered))) == .used)
    }

    static let proofs: [(PresenterProof, Int64, Verdict)] = [
        (PresenterProof(), 0, .proofRequired),
        (PresenterProof(grant: Sample.grant), 0, .redelivery),
        (PresenterProof(grant: Sample.grant), 1_000_000, .redelivery),
        (PresenterProof(grant: Sample.client), 0, .proofRequired),
        (PresenterProof(client: Sample.client), 0, .redelivery),
        (PresenterProof(client: Sample.client), 600, .redelivery),
        (PresenterProof(client: Sample.client), 601, .proofRequired),
        (PresenterProof(client: Sample.grant), 0, .proofRequired),
        (PresenterProof(grant: Sample.client, client: Sample.client), 0, .redelivery),
    ]

    @Test("The header alone opens nothing: the token does, or for a while the address", arguments: proofs)
    func proof(proof: PresenterProof, seconds: Int64, expected: Verdict) {
        let request = Sample.request(proof: proof, now: Sample.start.adding(seconds: seconds))
        #expect(Self.verdict(request, over: Self.entry(PaymentState(.settled, .undelivered))) == expected)
    }

    @Test("A payment that kept no proof asks for one, whatever is shown")
    func nothingKept() {
        var entry = Self.entry(PaymentState(.settled, .undelivered))
        entry.grant = nil
        entry.client = nil
        let proof = PresenterProof(grant: Sample.grant, client: Sample.client)
        #expect(Self.verdict(Sample.request(proof: proof), over: entry) == .proofRequired)
    }

    @Test("Redeliveries are counted and end", arguments: [(0, Verdict.redelivery), (2, .redelivery), (3, .used)])
    func redeliveriesEnd(count: Int, expected: Verdict) {
        var entry = Self.entry(PaymentState(.settled, .undelivered))
        entry.record.redeliveries = count
        #expect(Self.verdict(Sample.request(proof: Self.withGrant), over: entry) == expected)
    }

    static let lapsed: [(ValueState, SettlementTiming, Verdict)] = [
        (.settled, .before, .redelivery), (.settled, .after, .used), (.settled, .batch, .used),
        (.reserved, .after, .used), (.reserved, .batch, .used), (.settling, .after, .used),
    ]

    @Test("A lease that ran out reads undelivered under before, and served otherwise", arguments: lapsed)
    func lapsedLease(value: ValueState, timing: SettlementTiming, expected: Verdict) {
        let entry = Self.entry(PaymentState(value, .forwarding), timing: timing)
        let live = Sample.request(timing: timing, proof: Self.withGrant, now: Sample.lease.adding(seconds: -1))
        #expect(Self.verdict(live, over: entry) == .inFlight)
        let late = Sample.request(timing: timing, proof: Self.withGrant, now: Sample.lease)
        #expect(Self.verdict(late, over: entry) == expected)
    }

    @Test("A redelivery holds a lease, is counted, and remembers who asked")
    func redeliveryEntry() {
        let newClient = Sample.bytes(99)
        let now = Sample.start.adding(seconds: 60)
        let proof = PresenterProof(grant: Sample.grant, client: newClient)
        let entry = Self.entry(PaymentState(.settled, .undelivered))
        guard case .replace(let next, let outcome) = Sample.request(proof: proof, now: now).decide(over: entry) else {
            Issue.record("no redelivery")
            return
        }
        #expect(outcome == .redelivery(entry.record.reference, transaction: "0xabc", body: Sample.print))
        #expect(next.record.state == PaymentState(.settled, .forwarding))
        #expect(next.record.redeliveries == 1)
        #expect(next.record.leaseUntil == now.adding(seconds: 120))
        #expect(next.client == newClient && next.grant == Sample.grant)
        #expect(next.record.claim == entry.record.claim)
    }

    @Test("A released payment is claimed anew in its row, with nothing left of the former claim but its date")
    func grantedAnew() {
        let now = Sample.start.adding(seconds: 60)
        var entry = Self.entry(PaymentState(.released, .undelivered))
        entry.record.redeliveries = 2
        entry.record.reason = "refused"
        let request = Sample.request(owner: Sample.seller("a"), opening: .settling, now: now)
        guard case .replace(let next, let outcome) = request.decide(over: entry) else {
            Issue.record("not granted")
            return
        }
        var expected = PaymentEntry(granting: request, row: entry.record.reference.row)
        expected.record.createdAt = Sample.start
        #expect(next == expected)
        #expect(outcome == .granted(entry.record.reference))
    }
}
