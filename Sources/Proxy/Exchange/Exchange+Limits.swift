import Facilitator
import NIOCore
import Synchronization
import Transport
import X402

/// What a request holds while it runs, and what it waits for before.
struct RunningRights {
    /// The right to run on the route.
    var slot: ConcurrencySlot?
    /// The right of the payer to one request more.
    var payerSlot: ConcurrencySlot?
    /// The place in the route's queue.
    var ticket: UInt64?
    var timer: Scheduled<Void>?
}

/// Rate limits, and the wait for a route that is full.
extension Exchange {
    // MARK: Rates

    /// The limit of the whole paywall that the client has run into.
    func overrunOfClient() -> LimitOverrun? {
        guard let rate = generation.limits.client else { return nil }
        return take(.client, rate, now: started, BucketKey.make(.client, client.address, prefix: clientPrefix))
    }

    /// The limit of the route that the client, or all of them, have run into.
    func overrun(of route: PaywallRoute) -> LimitOverrun? {
        if let rate = route.limits.client {
            let key = BucketKey.make(.routeClient, route: route.name, client.address, prefix: clientPrefix)
            if let overrun = take(.routeClient, rate, now: started, key) { return overrun }
        }
        guard let rate = route.limits.all else { return nil }
        return take(.route, rate, now: started, BucketKey.make(.route, route: route.name))
    }

    /// The limit of 402s that the client has run into.
    func overrunOfChallenges() -> LimitOverrun? {
        guard let rate = generation.limits.challenges else { return nil }
        let key = BucketKey.make(.challenges, client.address, prefix: clientPrefix)
        return take(.challenges, rate, now: loop.deadline(), key)
    }

    private func overrun(ofPayer payer: String, on route: PaywallRoute) -> LimitOverrun? {
        if let rate = generation.limits.payer {
            let key = BucketKey.make(.payer, payer: payer)
            if let overrun = take(.payer, rate, now: loop.deadline(), key) { return overrun }
        }
        if let rate = route.limits.payer {
            let key = BucketKey.make(.routePayer, route: route.name, payer: payer)
            if let overrun = take(.routePayer, rate, now: loop.deadline(), key) { return overrun }
        }
        guard let limit = generation.limits.maxConcurrentPerPayer else { return nil }
        let key = BucketKey.make(.payer, payer: payer)
        guard loop.shared.payerCounts.enter(key, limit: limit) else { return .payerIsBusy }
        rights.payerSlot = ConcurrencySlot(of: loop.shared.payerCounts, key: key)
        return nil
    }

    private var clientPrefix: Int { generation.limits.clientPrefix }

    private func take(
        _ policy: LimitOverrun.Policy, _ rate: Rate, now: NIODeadline, _ key: UInt64
    ) -> LimitOverrun? {
        switch loop.shared.buckets.take(key, rate, now: now.uptimeNanoseconds) {
        case .taken: nil
        case .refused(let retryAfter): LimitOverrun(policy, rate: rate, retryAfter: retryAfter)
        }
    }

    // MARK: Running

    /// Lets a free request run, now or when its turn comes.
    func admitFree(_ route: PaywallRoute) {
        switch enterGate(of: route) {
        case .entered: startFree()
        case .queued: return
        case .full: turnAway(.overloaded)
        }
    }

    private func startFree() {
        switch machine.quoted(.free) {
        case .forward: forward()
        case .verify, .unreachable: unreachable("quoted free")
        }
    }

    /// Lets a verified payment be claimed, now or when its turn comes; nothing is claimed while it waits.
    func admitVerified(_ opening: ExchangeStateMachine.Opening) {
        guard let route, let verified = payment?.verified else { return }
        if let overrun = overrun(ofPayer: verified.payer, on: route) { return turnAway(.tooManyRequests(overrun)) }
        switch enterGate(of: route) {
        case .entered: reserve(opening)
        case .queued: if !machine.waits() { unreachable("waits") }
        case .full: turnAway(.overloaded)
        }
    }

    private func enterGate(of route: PaywallRoute) -> ConcurrencyGate.EnterOutcome {
        guard let terms = route.limits.concurrency, let gate = route.gate.load() else { return .entered }
        if gate.enterAtOnce() {
            rights.slot = ConcurrencySlot(of: gate)
            return .entered
        }
        let home = loop.home(of: self)
        let outcome = gate.enter(maxQueued: terms.maxQueued) { home.post { $0.turnCame(gate) } }
        switch outcome {
        case .entered:
            rights.slot = ConcurrencySlot(of: gate)
        case .queued(let ticket):
            rights.ticket = ticket
            rights.timer = loop.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(terms.queueTimeout)) {
                [weak self] in self?.waitedTooLong(gate)
            }
        case .full: break
        }
        return outcome
    }

    /// The slot is this exchange's, whatever has become of it meanwhile.
    private func turnCame(_ gate: ConcurrencyGate) {
        let slot = ConcurrencySlot(of: gate)
        guard rights.ticket != nil else { return }
        stopWaiting()
        rights.slot = slot
        switch machine.admitted() {
        case .quote: startFree()
        case .reserve(let opening): reserve(opening)
        case .drop: log()
        case .unreachable: unreachable("admitted")
        }
    }

    private func waitedTooLong(_ gate: ConcurrencyGate) {
        guard let ticket = rights.ticket, gate.withdraw(ticket) else { return }
        stopWaiting()
        turnAway(.overloaded)
    }

    /// Ends a request before anything is claimed.
    private func turnAway(_ reason: Answer) {
        switch machine.turnedAway() {
        case .answer: answer(reason)
        case .drop: log()
        case .unreachable: unreachable("turned away")
        }
    }

    private func stopWaiting() {
        rights.ticket = nil
        rights.timer?.cancel()
        rights.timer = nil
    }

    /// Gives back whatever the request holds; at its end, whichever that is.
    func giveRightsBack() {
        if let ticket = rights.ticket {
            // Where the slot was given just now, `turnCame` finds nobody waiting and gives it back.
            _ = route?.gate.load()?.withdraw(ticket)
            stopWaiting()
        }
        rights.slot = nil
        rights.payerSlot = nil
    }
}
