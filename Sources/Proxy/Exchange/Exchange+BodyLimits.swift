import NIOCore
import Transport

/// Bodies that are longer than their route or upstream allows.
extension Exchange {
    /// Whether the request announces a body that its route does not take.
    func isTooLong(for route: PaywallRoute) -> Bool {
        guard let limit = route.maxBodyBytes else { return false }
        bodyAllowance = limit
        guard case .length(let length) = stream.head.body else { return false }
        return length > limit
    }

    /// Counts a piece of the request's body; false once it is too long, which is answered then.
    func admits(_ bytes: ByteBuffer) -> Bool {
        let count = UInt64(bytes.readableBytes)
        guard count > bodyAllowance else {
            bodyAllowance -= count
            return true
        }
        refuseBody(.refusedHead(.bodyTooLarge), remark: "request body too large")
        return false
    }

    /// Answers in the middle of a body, or breaks off where an answer has begun.
    ///
    /// For the payment it is as if the client had left there.
    func refuseBody(_ reason: Answer, remark: StaticString) {
        bodyCheck = nil
        usageHold = nil
        let mayAnswer = status == 0 && held == nil
        let isOver = leave(machine.downstreamClosed(requestComplete: false))
        upstream = nil
        if isOver, mayAnswer {
            answer(reason)
        } else {
            self.remark = remark
            isAbandoned = true
            stream.abort()
            if isOver { log() }
        }
    }

    /// Counts a piece of the answer's body; false once it is too long, which ends the answer.
    func admitsAnswer(_ length: UInt64) -> Bool {
        guard length > answerAllowance else {
            answerAllowance -= length
            return true
        }
        upstream?.cancel()
        upstreamFailed(.responseTooLarge)
        return false
    }
}
