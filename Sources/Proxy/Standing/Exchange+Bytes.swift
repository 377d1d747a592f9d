import Ledger
import NIOCore
import Transport
import X402

/// The bytes of a credit that an answer may have.
extension Exchange {
    /// The draw whose bytes the answer takes; nil where they are not bounded.
    private var byteDraw: DrawReference? {
        guard case .credit(let draw, let left)? = standing?.kind, left.bytes != nil else { return nil }
        return draw
    }

    /// Whether the answer ends where what was paid for ends.
    var isBoundByBytes: Bool { byteDraw != nil }

    /// Holds the bytes of an answer that delivers before its head goes out; false where there is nothing to hold.
    func holdsBytes(of head: ResponseHead, delivers: Bool) -> Bool {
        guard delivers, let draw = byteDraw else { return false }
        let length: UInt64?
        switch head.body {
        case .none: return false
        case .length(let known): length = known
        case .chunked, .untilClose: length = nil
        }
        hold(head)
        isHoldingBytes = true
        let home = loop.home(of: self)
        loop.shared.ledger.holdBytes(length, for: draw) { result in home.post { $0.bytesHeld(result) } }
        return true
    }

    private func bytesHeld(_ result: Result<UInt64?, LedgerError>) {
        guard isHoldingBytes, !isAbandoned, let answer = held, let head = answer.head else { return }
        isHoldingBytes = false
        held = nil
        switch result {
        case .failure(let error): refuseAnswer(.ledgerUnavailable(error))
        case .success(nil):
            creditRefusal = ReasonCode(rawValue: "credit_too_small")
            refuseAnswer(nil)
        case .success(let bytes?):
            byteBound = bytes
            goOn(answer, head)
        }
    }

    private func goOn(_ answer: HeldAnswer, _ head: ResponseHead) {
        decide(head, delivers: true)
        if held != nil {
            held?.body = answer.body
            held?.trailers = answer.trailers
            held?.isEnded = answer.isEnded
            return
        }
        release(answer)
    }

    /// Ends a request whose answer may not go out: of what was paid with it the payer can ask for less.
    private func refuseAnswer(_ reason: Answer?) {
        upstream?.cancel()
        upstream = nil
        switch machine.upstreamFailed() {
        case .answerGatewayError:
            if let reason { return answer(reason) }
            if let sheet { challenge(sheet, .unpaid) }
        case .recordUndelivered(let reference):
            held = HeldAnswer(failure: .responseTooLarge)
            recordUndelivered(reference)
        case .releaseAndAnswerGatewayError, .release, .abort, .undeliverAndAbort, .chargeAndAbort, .remember, .ignore,
            .unreachable:
            unreachable("answer refused")
        }
    }

    /// The part of a piece that was paid for.
    func withinBytes(_ bytes: ByteBuffer) -> ByteBuffer {
        let room = byteBound - min(bytesOut, byteBound)
        guard UInt64(bytes.readableBytes) > room else { return bytes }
        isCutOff = true
        return bytes.getSlice(at: bytes.readerIndex, length: Int(room)) ?? ByteBuffer()
    }

    /// Ends an answer of unknown length behind the last byte that was paid for: it was delivered, as far as it goes.
    func cutOff() {
        upstream?.cancel()
        upstream = nil
        remark = "bytes used up"
        guard case .finish(let delivered) = machine.responseEnded() else { return unreachable("cut off") }
        if let delivered { write(.delivered, of: delivered) }
        log()
        stream.breakOffWhenSent()
    }
}
