import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// The request to the upstream, and its answer back.
extension Exchange {
    /// Sends the request upstream; `bodyInHand` is what was held back of its body.
    func forward(bodyInHand: ByteBuffer? = nil, trailers: ByteBuffer? = nil) {
        guard let route else { return }
        if bodyInHand == nil, let held = takeHeldBody() {
            return forward(bodyInHand: held.bytes, trailers: held.trailers)
        }
        if drawsFirst({ $0.forward(bodyInHand: bodyInHand, trailers: trailers) }) { return }
        let head = stream.head
        startMetering(route)
        if bodyInHand == nil, holdsForUsage() { return }
        let group = loop.upstream(route.upstream, of: generation)
        var buffer = ForwardedHead.build(
            head, target: target, client: client, upstream: group.configuration.members[0].configuration,
            isRead: answerMeter != nil || route.chargeOn.leastBytes > 0, in: group.headBuffer())
        answerAllowance = group.configuration.members[0].configuration.maxResponseBytes ?? .max
        let isCall = GRPCAnswer.isAsked(by: head)
        if isCall { buffer.writeStaticString("te: trailers\r\n") }
        // What a tunnel carries cannot be charged for: nobody says when its answer is over.
        let isCounted = isCharged || answerMeter != nil && balanceDraw != nil || isBoundByBytes
        upgrade = isCounted ? nil : ProtocolUpgrade(head, allowed: route.upgrades)
        upgrade?.writeRequest(to: &buffer)
        if let facts = facts(for: route) { append(facts, of: head, to: &buffer) }
        if payment != nil {
            if head.body == .none { shownPrint = .empty } else { bodyPrinter = BodyPrinter() }
        }
        var framing = Self.body(head.body)
        var sent = bodyInHand
        if isRequestComplete, let edited = bodyInHand.flatMap({ answerMeter?.askingForUsage($0) }) {
            sent = edited
            if case .length = framing { framing = .length(UInt64(edited.readableBytes)) }
        }
        // One payment runs the upstream once: what is paid for is sent again only by its payer, who is counted.
        let request = group.start(
            consume buffer, body: framing, isIdempotent: payment == nil && head.method.isIdempotent,
            method: head.method, mayUpgrade: upgrade != nil, key: group.hashSource.map(balanceKey) ?? 0, handler: self)
        upstream = request
        if head.body == .none || bodyInHand != nil && isRequestComplete { forwarded = loop.deadline() }
        if head.body == .none { return }
        guard let bodyInHand else {
            stream.acceptBody()
            // A call's client may wait for the server to speak first.
            if isCall { request.flush() }
            return
        }
        bodyPrinter?.update(bodyInHand)
        answerMeter?.requestReceived(bodyInHand)
        if let sent, sent.readableBytes > 0 { request.writeBody(sent) }
        if isRequestComplete {
            bodyPrinter?.finish()
            request.end(trailers: trailers)
        } else {
            request.flush()
            goOnWithBody()
        }
    }

    private static func body(_ framing: BodyFraming) -> RequestBody {
        switch framing {
        case .none: .none
        case .length(let count): .length(count)
        case .chunked, .untilClose: .stream
        }
    }

    private func facts(for route: PaywallRoute) -> PaymentFacts? {
        guard let payment, let verified = payment.verified else { return nil }
        switch route.facts {
        case .none: return nil
        case .plain: return PaymentFacts(payment.offer, verified, key: nil, now: loop.now())
        case .signed(let key): return PaymentFacts(payment.offer, verified, key: key, now: loop.now())
        }
    }

    private func append(_ facts: PaymentFacts, of head: RequestHead, to buffer: inout ByteBuffer) {
        withForwardedTarget { target in
            head.withBytes { bytes in
                let method = UnsafeRawBufferPointer(rebasing: bytes[head.methodRange])
                facts.write(method: method, target: target, to: &buffer)
            }
        }
    }

    // MARK: Answer

    /// What an answer says of the payment beside what the upstream said.
    enum AnswerReceipt {
        case none
        case settled
        /// Served, and settled later.
        case queued
        /// Settled and not delivered: receipt and token.
        case undelivered
    }

    /// Keeps an answer until the ledger or the rail has spoken.
    func hold(_ head: ResponseHead) {
        held = HeldAnswer(head: head)
        upstream?.pause()
    }

    func relay(_ head: ResponseHead, receipt: AnswerReceipt) {
        let isServed = shadow?.isCharged ?? standing?.isServed ?? (receipt == .settled || receipt == .queued)
        if isServed { answerMeter?.began(head) } else { answerMeter = nil }
        if holdsForReceipt(head, receipt) { return }
        writeAnswerHead(head, receipt: receipt)
    }

    /// Sends the head of the upstream's answer.
    func writeAnswerHead(_ head: ResponseHead, receipt: AnswerReceipt) {
        status = head.status
        let body = Self.body(of: head)
        let buffer = ReturnedHead.build(
            head, isPriced: route?.isFree == false, isPaid: receipt != .none || standing != nil && shadow == nil,
            policy: route?.returns ?? .asItCame, in: stream.headBuffer()
        ) {
            self.writeReceipt(receipt, to: &$0)
            if self.shadow != nil { return }
            self.standing?.writeFields(now: self.loop.now(), charged: self.chargedToBalance, to: &$0)
            self.announceTrailers(body, to: &$0)
        }
        if tunnel != nil { return openTunnel(consume buffer) }
        answerKeeper?.began(buffer, status: status, body: body, isPaid: receipt == .settled || receipt == .queued)
        stream.writeHead(consume buffer, body: body, hasDate: head.has(.date))
    }

    private static func body(of head: ResponseHead) -> ResponseBody {
        switch head.body {
        case .length(let count): .length(count)
        case .chunked, .untilClose: .stream
        case .none: head.contentLength.map(ResponseBody.length) ?? .none
        }
    }

    func writeReceipt(_ receipt: AnswerReceipt, to buffer: inout ByteBuffer) {
        guard receipt != .none, let payment else { return }
        let form = payment.payment.form
        let queued = receipt == .queued ? payment.verified.map { queuedReceipt($0.identity, of: payment) } : nil
        let value = queued ?? payment.receipt()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: value.headerLineBound(form: form)) {
            value.writeHeaderLine(form: form, into: $0)
        }
        if receipt == .undelivered || route?.credit != nil, let grant {
            buffer.writeStaticString("payment-grant: ")
            buffer.writeString(grant)
            buffer.writeStaticString("\r\n")
        }
    }

    /// The receipt of what is settled later; of what is charged afterwards, with the charge once it is known.
    private func queuedReceipt(_ identity: PaymentIdentity, of payment: PaymentContext) -> Receipt {
        guard isCharged, let charge else { return payment.queuedReceipt(identity) }
        return payment.chargedReceipt(identity, charge.amount)
    }

    /// Lets a held answer go.
    func relayHeld(receipt: AnswerReceipt) {
        guard let answer = held else { return }
        held = nil
        guard let head = answer.head else {
            self.answer(.gateway(answer.failure ?? .brokenOff), receipt: receipt)
            return
        }
        if answer.isBroken {
            brokeOffWhileHeld(receipt: receipt)
            return
        }
        relay(head, receipt: receipt)
        release(answer)
    }

    /// Lets the rest of an answer go whose head is out.
    func release(_ answer: HeldAnswer) {
        for piece in answer.body where !isCutOff { relay(piece) }
        if isCutOff { return }
        if answer.isEnded {
            responseEnded(trailers: answer.trailers)
        } else {
            stream.flush()
            if stream.isWritable { upstream?.resume() }
        }
    }

    /// Nothing of the answer went out, so that a failure can still be told instead of half of it.
    private func brokeOffWhileHeld(receipt: AnswerReceipt) {
        switch machine.heldAnswerBroken() {
        case .recordUndelivered(let reference):
            held = HeldAnswer(failure: .brokenOff)
            recordUndelivered(reference)
        case .answerGatewayError:
            answer(.gateway(.brokenOff), receipt: receipt)
        case .unreachable:
            unreachable("held answer broken")
        }
    }
}
