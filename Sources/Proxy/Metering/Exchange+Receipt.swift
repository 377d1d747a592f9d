import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// What an answer says of a charge that is known only when it is over.
extension Exchange {
    private var isChargedAfterwards: Bool { answerMeter != nil && (isCharged || balanceDraw != nil) }

    /// Holds an answer that is known to be small until its charge is known; false where it goes out as it comes.
    func holdsForReceipt(_ head: ResponseHead, _ receipt: AnswerReceipt) -> Bool {
        // With a receipt of its own a bundle's first answer carries the token, which nothing may hold up.
        guard isChargedAfterwards, receipt != .settled, tunnel == nil, let meter = route?.meter?.meter,
            answerMeter?.isEventStream != true
        else { return false }
        switch head.body {
        case .none: break
        case .length(let length) where length <= meter.heldBytes: break
        case .length, .chunked, .untilClose: return false
        }
        smallAnswer = SmallAnswer(head, receipt: receipt)
        return true
    }

    /// Sends an answer that was held, now that its charge is known.
    func letSmallAnswerGo() {
        guard let answer = smallAnswer else { return }
        smallAnswer = nil
        writeAnswerHead(answer.head, receipt: answer.receipt)
        for piece in answer.body {
            answerKeeper?.add(piece)
            stream.writeBody(piece)
        }
    }

    /// Announces the trailer fields that tell the charge, where the answer and its client can have any.
    func announceTrailers(_ body: ResponseBody, to buffer: inout ByteBuffer) {
        guard isChargedAfterwards, charge == nil, case .stream = body, takesTrailers else { return }
        tellsInTrailers = true
        if isCharged, let form = payment?.payment.form {
            buffer.writeStaticString(form == .v2 ? "trailer: payment-response\r\n" : "trailer: x-payment-response\r\n")
        }
        if balanceDraw != nil { buffer.writeStaticString("trailer: payment-credit\r\n") }
    }

    /// The upstream's trailers, and what the answer was charged.
    func tellingCharge(_ trailers: ByteBuffer?) -> ByteBuffer? {
        guard tellsInTrailers, charge != nil else { return trailers }
        var told = trailers ?? ByteBuffer()
        if isCharged { writeReceipt(.queued, to: &told) }
        standing?.writeFields(now: loop.now(), charged: chargedToBalance, to: &told)
        return told
    }

    /// What was charged to a balance; nil before it is known, and where there is none.
    var chargedToBalance: UInt256? { balanceDraw == nil ? nil : charge?.amount }

    /// Whether the client reads trailers (RFC 9110 §6.5.1); over HTTP/2 every one does.
    private var takesTrailers: Bool {
        let head = stream.head
        if stream.version == .http2 { return true }
        if head.isHTTP10 { return false }
        return head.withBytes { bytes in
            head.fields.contains { field in
                guard field.known == .te else { return false }
                var isNamed = false
                TokenList(UnsafeRawBufferPointer(rebasing: bytes[field.value])).forEach { element in
                    isNamed = isNamed || TokenList.equal(element, "trailers")
                }
                return isNamed
            }
        }
    }
}
