import EVM
import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// One request from its head to its receipt: performs what the state machine decides.
///
/// Lives on one event loop. It is the handler of both sides: of the downstream request and of the upstream's answer.
final class Exchange {
    let loop: PaywallLoop
    let stream: ServerStream
    let id: RequestID
    let started: NIODeadline
    /// The file that was in force when the request came.
    let generation: PaywallGeneration
    let client: ClientIdentity

    var machine = ExchangeStateMachine()
    var route: PaywallRoute?
    /// The target as it is priced and forwarded.
    var target = ForwardedTarget.asReceived
    /// How else servers may read the target.
    var targetDoubts: TargetDoubts = []
    /// The price under a table; nil where the route has one for all.
    var quote: RequestQuote?
    /// What is asked of this request; nil where nothing is, or nothing is known yet.
    var sheet: OfferSheet?
    var upstream: UpstreamRequest?
    var payment: PaymentContext?

    /// The request's body is complete, or there is none.
    var isRequestComplete = false
    /// Body bytes shown to the upstream, to which a redelivery is bound.
    var bodyPrinter: BodyPrinter?
    /// A redelivery's body, held back until it is shown to be the same.
    var bodyCheck: BodyCheck?
    /// What the upstream has been shown of the body so far, in this run or before.
    var shownPrint: BodyPrint?

    /// What it holds of limits on what runs at once.
    var rights = RunningRights()
    /// The protocol that the upstream is asked to switch to.
    var upgrade: ProtocolUpgrade?
    /// Set once the upstream has switched.
    var tunnel: Tunnel?

    /// Counts the answer on a metered route.
    var answerMeter: AnswerMeter?
    /// The request's body, held back until usage can be asked for in it.
    var usageHold: ByteBuffer?
    /// The request's body, held back until it is known what its answer may cost at most.
    var boundedBody: BoundedBody?
    /// What the request says of how much its answer may be; nil where nothing depends on it.
    var outputBounds: OutputBounds?
    /// A small answer that waits for its charge.
    var smallAnswer: SmallAnswer?
    /// Whether trailers tell the charge.
    var tellsInTrailers = false
    /// What was charged, or would be.
    var charge: Charge?

    /// When all of the request had gone to the upstream.
    var forwarded: NIODeadline?
    /// An answer whose length decides whether it is charged for.
    var probe: AnswerProbe?
    /// Why the answer was not what was paid for.
    var shortfall = ChargePolicy.Shortfall.status
    /// An answer of the upstream that waits for a settlement.
    var held: HeldAnswer?
    /// The key of the id that came with the payment, once it is claimed with it.
    var identifierKey: Bytes32?
    /// Keeps what goes out for the id that came with the payment.
    var answerKeeper: AnswerKeeper?
    /// What was answered before under that id.
    var keptAnswer: KeptAnswer?
    /// Whether the payment can open what it has paid for before, and nothing else.
    var isRecalling = false
    /// The token that redelivers an undelivered answer.
    var grant: String?

    /// Bytes that the request's body and the answer's may still have.
    var bodyAllowance = UInt64.max
    var answerAllowance = UInt64.max
    /// Bytes of the answer that were paid for.
    var byteBound = UInt64.max
    /// Whether the answer is held until the ledger holds its bytes.
    var isHoldingBytes = false
    /// Set where the answer goes beyond what was paid for.
    var isCutOff = false

    /// What the request is served on instead of a payment of its own, or beside it.
    var standing: Standing?
    /// The sheet that tells what the request costs, where what is sold is more than the request.
    var drawSheet: OfferSheet?
    /// What the last look at the free tier said.
    var freeLeft: (tier: FreeTier, outcome: AllowanceOutcome)?
    /// The payment whose credit the request was served on.
    var creditDrawnOn: PaymentIdentity?
    /// Why the request could not draw on what was paid before.
    var creditRefusal: ReasonCode?

    /// What it would have cost on a route in shadow mode.
    var shadow: ShadowNote?

    /// Nobody waits for an answer any more.
    var isAbandoned = false

    // What the log line says.
    var status = 0
    var bytesOut: UInt64 = 0
    var remark: StaticString?
    var reason: ReasonCode?
    private var isLogged = false

    init(loop: PaywallLoop, stream: ServerStream, id: RequestID) {
        self.loop = loop
        self.stream = stream
        self.id = id
        started = loop.deadline()
        generation = loop.generation
        client = generation.trust.identify(stream.head, peer: stream.peer)
        remark = client.remark
    }

    /// Whether a client uses an HTTP/2 connection for a host that its certificate is not for.
    private var isMisdirected: Bool {
        guard stream.version == .http2, let tls = stream.peer.tls, let host = stream.head.host else { return false }
        return !tls.covers(stream.head.string(host))
    }

    /// Decides what the request is and starts it on its way.
    func begin() {
        isRequestComplete = stream.head.body == .none
        // What a client sends behind a CONNECT may be meant for its tunnel: it must not be read as a request.
        if stream.head.method == .connect { stream.closesAfterResponse = true }
        if let overrun = overrunOfClient() { return answer(.tooManyRequests(overrun)) }
        if stream.peer.hasStrictNames, isMisdirected { return answer(.misdirected) }
        switch Admission.decide(stream.head, generation: generation) {
        case .forward(let route, let target, let doubts):
            self.route = route
            self.target = target
            targetDoubts = doubts
            if let overrun = overrun(of: route) {
                answer(.tooManyRequests(overrun))
            } else if isTooLong(for: route) {
                answer(.refusedHead(.bodyTooLarge))
            } else if route.isShadow {
                quote(route)
            } else if route.isFree {
                admitFree(route)
            } else if isUpstreamDown(route) {
                answerUpstreamDown(route)
            } else {
                quote(route)
            }
        case .preflight(let methods):
            answerPreflight(allowing: methods)
        case .lastHop:
            answerLastHop()
        case .paymentStatus(let publicID):
            answerPaymentStatus(publicID)
        case .discovery(let kind, let book):
            answerDiscovery(kind, from: book)
        case .notFound:
            answer(.notFound)
        case .methodNotAllowed(let allow):
            answer(.methodNotAllowed(allow: allow))
        case .refused(let refusal):
            remark = refusal.message
            answer(.badTarget(refusal))
        }
    }

    /// Closes an exchange whose events came in an order that cannot be.
    func unreachable(_ place: StaticString) {
        assertionFailure("unreachable: \(place)")
        loop.counters.unreachable += 1
        upstream?.cancel()
        stream.abort()
        log()
    }

    /// Writes the one log line; before the stream ends, with which the request's head goes.
    func log() {
        if isLogged { return }
        isLogged = true
        reckon()
        giveRightsBack()
        if let shadow, bytesOut < UInt64(shadow.leastBytes) { standing?.isServed = false }
        if standing != nil { endStanding() }
        if shadow != nil { recordShadow() }
        loop.finished(self)
    }
}

extension Exchange: RequestHandler {
    func bodyReceived(_ bytes: ByteBuffer) {
        tunnel?.bytesIn &+= UInt64(bytes.readableBytes)
        guard admits(bytes) else { return }
        if let quote, !mayPass(bytes, quote) { return }
        if boundedBody?.isHolding == true { return holdForMaximum(bytes) }
        if var check = bodyCheck {
            bodyCheck = nil
            let verdict = check.received(bytes)
            bodyCheck = check
            bodyChecked(verdict)
            return
        }
        if usageHold != nil { return holdForUsage(bytes) }
        guard let upstream else { return }
        bodyPrinter?.update(bytes)
        answerMeter?.requestReceived(bytes)
        upstream.writeBody(bytes)
        if !upstream.isWritable { stream.pauseBody() }
    }

    func bodyReadComplete() { upstream?.flush() }

    func requestEnded(trailers: ByteBuffer?) {
        isRequestComplete = true
        if tunnel != nil { return tunnelClientEnded() }
        if let quote, !mayEnd(trailers: trailers, quote) { return }
        if boundedBody?.isHolding == true { return endForMaximum(trailers: trailers) }
        if let check = bodyCheck {
            bodyChecked(check.ended(), trailers: trailers)
            return
        }
        if let body = usageHold.take() { return forward(bodyInHand: body, trailers: trailers) }
        bodyPrinter?.finish()
        if upstream != nil { forwarded = loop.deadline() }
        upstream?.end(trailers: trailers)
    }

    func responseWritable() {
        if held == nil { upstream?.resume() }
    }

    func downstreamClosed(_ reason: StreamClosure) {
        isAbandoned = true
        if !reason.isOurs { countLeaving() }
        if tunnel?.isOpen == true { return tunnelBroke(reason.remark) }
        if status == 0 { status = 499 }
        remark = reason.remark
        if leave(machine.downstreamClosed(requestComplete: isRequestComplete, isCutOff: reason.isOurs)) { log() }
    }

    /// Does what a client's leaving leads to; false while the ledger or the rail owes an answer.
    func leave(_ decision: ExchangeStateMachine.OnDownstreamClosed) -> Bool {
        switch decision {
        case .drop: break
        case .wait: return false
        case .cancelUpstream: upstream?.cancel()
        case .cancelUpstreamAndDeliver(let reference):
            upstream?.cancel()
            write(.delivered, of: reference)
        case .cancelUpstreamAndUndeliver(let reference):
            upstream?.cancel()
            noteUndelivered(reference)
        case .cancelUpstreamAndRelease(let reference):
            upstream?.cancel()
            write(.released(reason: "client gone"), of: reference)
        case .cancelUpstreamAndCharge(let reference):
            upstream?.cancel()
            post(reference)
        case .undeliver(let reference): noteUndelivered(reference)
        }
        return true
    }
}

extension Exchange: ResponseHandler {
    func informational(_ head: ResponseHead) {
        guard head.status >= 102, !isAbandoned else { return }
        stream.writeInformational(ReturnedHead.informational(head, policy: route?.returns ?? .asItCame))
    }

    func responseHead(_ head: ResponseHead) {
        if case .length(let length) = head.body, length > answerAllowance {
            _ = admitsAnswer(length)
            return
        }
        judge(head)
    }

    /// Does what the final head, or a 101, leads to.
    func decide(_ head: ResponseHead, delivers: Bool) {
        standing?.isServed = delivers
        switch machine.upstreamHead(delivers: delivers) {
        case .relay:
            relay(head, receipt: .none)
        case .relayWithReceipt:
            relay(head, receipt: .settled)
        case .relayQueued:
            relay(head, receipt: .queued)
        case .releaseAndRelay(let reference):
            write(.released(reason: shortfall.reason.description), of: reference)
            relay(head, receipt: .none)
        case .recordUndelivered(let reference):
            hold(head)
            recordUndelivered(reference)
        case .recordSettle(let reference):
            hold(head)
            record(.settle, of: reference)
        case .recordSettledLocally(let reference):
            hold(head)
            recordSettledLocally(reference)
        case .recordOwed(let reference):
            hold(head)
            countPayment()
            record(.owed, of: reference)
        case .release(let reference):
            upstream?.cancel()
            write(.released(reason: shortfall.reason.description), of: reference)
            log()
        case .unreachable:
            unreachable("upstream head")
        }
    }

    func responseBody(_ bytes: ByteBuffer) {
        guard admitsAnswer(UInt64(bytes.readableBytes)) else { return }
        if !probes(bytes) { passOn(bytes) }
    }

    /// Passes a piece of the answer on, or keeps it with the head that waits.
    func passOn(_ bytes: ByteBuffer) {
        if held != nil {
            held?.body.append(bytes)
        } else {
            relay(bytes)
        }
    }

    /// Passes a piece of the answer on.
    func relay(_ bytes: ByteBuffer) {
        if let answerMeter { answerMeter.received(bytes, pass: pass) } else { pass(bytes) }
        if isCutOff { cutOff() }
    }

    private func pass(_ bytes: ByteBuffer) {
        if isCutOff { return }
        let bytes = withinBytes(bytes)
        bytesOut &+= UInt64(bytes.readableBytes)
        if smallAnswer != nil {
            smallAnswer?.body.append(bytes)
            return
        }
        answerKeeper?.add(bytes)
        stream.writeBody(bytes)
        if !stream.isWritable { upstream?.pause() }
    }

    func readComplete() {
        if held == nil { stream.flush() }
    }

    func responseEnded(trailers: ByteBuffer?) {
        if tunnel == nil { upstream = nil }
        guard probeEnded() else { return }
        if held != nil {
            held?.isEnded = true
            held?.trailers = trailers
            return
        }
        if tunnel != nil { return tunnelUpstreamEnded() }
        finish(trailers: trailers)
    }

    func upstreamWritable() { stream.resumeBody() }

    func upstreamFailed(_ error: UpstreamError) {
        loop.counters.upstreamFailures += 1
        upstream = nil
        if isHoldingBytes {
            isHoldingBytes = false
            held = nil
        }
        probe = nil
        if tunnel?.isOpen == true { return tunnelBroke("upstream broke off") }
        tunnel = nil
        switch machine.upstreamFailed() {
        case .answerGatewayError:
            answer(.gateway(error))
        case .releaseAndAnswerGatewayError(let reference):
            write(.released(reason: "upstream failed"), of: reference)
            answer(.gateway(error))
        case .release(let reference):
            write(.released(reason: "upstream failed"), of: reference)
            log()
        case .recordUndelivered(let reference):
            held = HeldAnswer(failure: error)
            recordUndelivered(reference)
        case .abort where smallAnswer != nil:
            answer(.gateway(error))
        case .abort:
            standing?.isBroken = true
            shadow?.isCharged = false
            remark = "upstream broke off"
            stream.abort()
            log()
        case .undeliverAndAbort(let reference):
            standing?.isBroken = true
            remark = "upstream broke off"
            noteUndelivered(reference)
            stream.abort()
            log()
        case .chargeAndAbort(let reference):
            remark = "upstream broke off"
            post(reference)
            if smallAnswer != nil { return answer(.gateway(error)) }
            stream.abort()
            log()
        case .remember:
            held?.isBroken = true
        case .ignore:
            return
        case .unreachable:
            unreachable("upstream failed")
        }
    }

    /// Ends an answer that went out whole.
    func finish(trailers: ByteBuffer?) {
        answerMeter?.ended(trailers: trailers, pass: pass)
        if isCutOff { return cutOff() }
        smallAnswer?.isWhole = true
        switch machine.responseEnded() {
        case .finish(let delivered):
            reckon()
            end(trailers: trailers, delivered: delivered)
        case .charge(let reference):
            post(reference)
            end(trailers: trailers, delivered: nil)
        case .unreachable:
            unreachable("response ended")
        }
    }
}

extension Exchange {
    private func end(trailers: ByteBuffer?, delivered: PaymentReference?) {
        letSmallAnswerGo()
        keepAnswer(trailers: trailers)
        let trailers = tellingCharge(trailers)
        if let delivered { write(.delivered, of: delivered) }
        log()
        stream.end(trailers: trailers)
    }
}

extension StreamClosure {
    /// Whether we broke off, and not the client.
    fileprivate var isOurs: Bool {
        switch self {
        case .drained, .aborted: true
        case .peerClosed, .bodyTimeout, .writeTimeout, .tunnelTimeout, .refused: false
        }
    }

    fileprivate var remark: StaticString {
        switch self {
        case .drained: "cut off by draining"
        case .aborted: "answer broke its own framing"
        case .peerClosed: "client gone"
        case .bodyTimeout: "client stopped sending"
        case .writeTimeout: "client stopped reading"
        case .tunnelTimeout: "tunnel idle"
        case .refused: "request body refused"
        }
    }
}
