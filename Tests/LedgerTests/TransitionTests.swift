import Ledger
import Primitives
import Testing

@Suite("The transitions of a payment")
struct TransitionTests {
    /// One line of the rules: the states from which an event may come, and what it makes of both.
    struct Rule: Sendable {
        var event: PaymentEvent
        var values: [ValueState]
        var services: [ServiceState]
        /// Nil keeps the value.
        var value: ValueState?
        /// What becomes of a service; what is not named stays.
        var service: [ServiceState: ServiceState] = [:]
    }

    static let rules: [Rule] = [
        Rule(event: .settle, values: [.reserved], services: [.unused, .forwarding], value: .settling),
        Rule(event: .settle, values: [.owed], services: ServiceState.allCases, value: .settling),
        Rule(event: .charged(amount: UInt256(400)), values: [.reserved], services: [.unused, .forwarding]),
        Rule(
            event: .sent(transaction: "0xabc"), values: [.settling, .uncertain], services: ServiceState.allCases),
        Rule(
            event: .settled(transaction: "0xabc", forwardingUntil: nil),
            values: [.reserved, .settling, .uncertain, .owed], services: ServiceState.allCases, value: .settled),
        Rule(
            event: .settled(transaction: "0xabc", forwardingUntil: Sample.lease),
            values: [.reserved, .settling, .uncertain, .owed], services: ServiceState.allCases, value: .settled,
            service: [.unused: .forwarding]),
        Rule(
            event: .released(reason: "refused"), values: [.reserved, .settling, .uncertain],
            services: [.unused, .forwarding, .undelivered], value: .released, service: [.forwarding: .undelivered]),
        Rule(
            event: .uncertain(transaction: nil), values: [.settling, .uncertain, .settled],
            services: ServiceState.allCases, value: .uncertain),
        Rule(
            event: .delivered, values: [.settling, .uncertain, .settled], services: [.forwarding],
            service: [.forwarding: .delivered]),
        Rule(event: .delivered, values: [.settled], services: [.unused], service: [.unused: .delivered]),
        Rule(
            event: .undelivered(grant: Sample.grant, client: Sample.client, body: Sample.print),
            values: [.settling, .uncertain, .settled], services: [.unused, .forwarding],
            service: [.unused: .undelivered, .forwarding: .undelivered]),
        Rule(
            event: .owed, values: [.reserved, .settling, .uncertain], services: [.forwarding, .delivered],
            value: .owed, service: [.forwarding: .delivered]),
        Rule(
            event: .deferred, values: [.settling, .uncertain], services: [.forwarding, .delivered], value: .owed,
            service: [.forwarding: .delivered]),
        Rule(
            event: .writtenOff(reason: "expired"), values: [.owed], services: ServiceState.allCases,
            value: .writtenOff),
        Rule(event: .expired, values: [.reserved], services: [.unused], value: .expired),
        Rule(
            event: .renewed(until: Sample.lease), values: [.reserved, .settling, .uncertain, .settled],
            services: [.forwarding]),
    ]

    static func expected(_ event: PaymentEvent, from state: PaymentState) -> PaymentState? {
        let rule = rules.first {
            $0.event == event && $0.values.contains(state.value) && $0.services.contains(state.service)
        }
        guard let rule else { return nil }
        return PaymentState(rule.value ?? state.value, rule.service[state.service] ?? state.service)
    }

    @Test("Every event in every state does what the rules say", arguments: Sample.events)
    func everyEventInEveryState(event: PaymentEvent) {
        #expect(Self.rules.contains { $0.event == event })
        for state in Sample.states {
            #expect(state.after(event) == Self.expected(event, from: state), "\(event) in \(state)")
        }
    }

    @Test("What was served is never released, expired or unserved", arguments: Sample.events)
    func servedStaysServed(event: PaymentEvent) {
        for value in ValueState.allCases {
            guard let next = PaymentState(value, .delivered).after(event) else { continue }
            #expect(next.service == .delivered)
            #expect(next.value != .released && next.value != .expired)
        }
    }

    @Test("Money that has moved is only ever questioned by the chain", arguments: Sample.events)
    func settledStaysSettled(event: PaymentEvent) {
        for service in ServiceState.allCases {
            guard let next = PaymentState(.settled, service).after(event) else { continue }
            if case .uncertain = event {
                #expect(next.value == .uncertain)
            } else {
                #expect(next.value == .settled)
            }
        }
    }

    @Test("An event writes what it brings, and erases what is no longer needed")
    func eventsWriteTheirValues() throws {
        let later = Sample.start.adding(seconds: 5)
        let opened = PaymentEntry(granting: Sample.request(opening: .settling, settlement: [1, 2]), row: 9)
        let settled = try #require(
            opened.after(.settled(transaction: "0xabc", forwardingUntil: Sample.lease), now: later))
        #expect(settled.record.transaction == "0xabc")
        #expect(settled.record.leaseUntil == Sample.lease)
        #expect(settled.record.updatedAt == later)
        #expect(settled.record.createdAt == Sample.start)
        #expect(settled.record.claim.settlement == [1, 2], "a reorganised chain may ask for it again")
        let released = try #require(opened.after(.released(reason: "refused"), now: later))
        #expect(released.record.claim.settlement == nil)

        let failed = try #require(
            settled.after(.undelivered(grant: Sample.grant, client: Sample.client, body: Sample.print), now: later))
        #expect(failed.grant == Sample.grant && failed.client == Sample.client)
        #expect(failed.record.body == Sample.print)
        #expect(failed.record.leaseUntil == nil)
        #expect(failed.waitingSince == later)
    }

    @Test("A charge is more than nothing and at most what was claimed")
    func charges() throws {
        let opened = PaymentEntry(granting: Sample.request(opening: .forwarding(until: Sample.lease)), row: 1)
        func charged(_ amount: UInt64) -> PaymentRecord? {
            opened.after(.charged(amount: UInt256(amount)), now: Sample.start)?.record
        }
        #expect(charged(0) == nil && charged(10_001) == nil)
        #expect(charged(1)?.due == UInt256(1))
        let all = try #require(charged(10_000))
        #expect(all.charge == nil && all.due == UInt256(10_000))
        #expect(opened.record.due == UInt256(10_000))
    }

    @Test("A transaction that was once known is not forgotten by a later doubt")
    func uncertainKeepsTheTransaction() throws {
        let opened = PaymentEntry(granting: Sample.request(opening: .settling, settlement: [1]), row: 1)
        let first = try #require(opened.after(.uncertain(transaction: "0xabc"), now: Sample.start))
        let second = try #require(first.after(.uncertain(transaction: nil), now: Sample.start))
        #expect(second.record.transaction == "0xabc")
        #expect(second.record.claim.settlement == [1])
    }

    @Test("A claim expires when its validity has ended, and not a second before", arguments: [(-1, false), (0, true)])
    func expiryNeedsItsTime(offset: Int64, isAllowed: Bool) {
        let entry = PaymentEntry(granting: Sample.request(), row: 1)
        let next = entry.after(.expired, now: Sample.validBefore.adding(seconds: offset))
        #expect((next != nil) == isAllowed)
    }

    @Test("A claim without an end of validity does not expire")
    func endlessClaimsDoNotExpire() {
        var request = Sample.request()
        request.claim.validBefore = nil
        #expect(PaymentEntry(granting: request, row: 1).after(.expired, now: UnixTime(.max)) == nil)
    }

    @Test("What was never forwarded is delivered to a seller only, who serves by itself")
    func deliveredUnused() {
        let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: nil)
        let sold = PaymentEntry(granting: Sample.request(owner: Sample.seller("a"), opening: opening), row: 1)
        #expect(sold.after(.delivered, now: Sample.start)?.record.state == PaymentState(.settled, .delivered))
        let walled = PaymentEntry(granting: Sample.request(opening: opening), row: 1)
        #expect(walled.after(.delivered, now: Sample.start) == nil)
    }

    static let recoveries: [(PaymentState, SettlementTiming, PaymentState?)] = [
        (PaymentState(.reserved, .unused), .before, PaymentState(.released, .unused)),
        (PaymentState(.settling, .unused), .before, PaymentState(.uncertain, .unused)),
        (PaymentState(.settling, .undelivered), .before, PaymentState(.uncertain, .undelivered)),
        (PaymentState(.settled, .forwarding), .before, PaymentState(.settled, .undelivered)),
        (PaymentState(.settled, .forwarding), .after, PaymentState(.settled, .delivered)),
        (PaymentState(.uncertain, .forwarding), .before, PaymentState(.uncertain, .undelivered)),
        (PaymentState(.reserved, .forwarding), .after, PaymentState(.owed, .delivered)),
        (PaymentState(.reserved, .forwarding), .batch, PaymentState(.owed, .delivered)),
        (PaymentState(.settling, .forwarding), .after, PaymentState(.uncertain, .delivered)),
        (PaymentState(.settling, .delivered), .batch, PaymentState(.uncertain, .delivered)),
        (PaymentState(.uncertain, .unused), .before, nil),
        (PaymentState(.settled, .delivered), .before, nil),
        (PaymentState(.settled, .undelivered), .before, nil),
        (PaymentState(.settled, .unused), .before, nil),
        (PaymentState(.owed, .delivered), .batch, nil),
        (PaymentState(.released, .unused), .before, nil),
    ]

    @Test("A restart reads what a crash left open as its mark says", arguments: recoveries)
    func recovery(state: PaymentState, timing: SettlementTiming, expected: PaymentState?) {
        var entry = PaymentEntry(granting: Sample.request(timing: timing), row: 1)
        entry.record.state = state
        #expect(entry.recovered(now: Sample.start)?.record.state == expected)
    }
}
