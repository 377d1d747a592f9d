import NIOCore
import Transport

/// The beginning of an answer that may turn out too short to be charged for.
struct AnswerProbe {
    let head: ResponseHead
    /// Bytes of body that make it long enough.
    let least: Int
    var body = ByteBuffer()

    init(_ head: ResponseHead, least: Int) {
        self.head = head
        self.least = least
    }

    /// Takes a piece of the body; whether it is long enough now.
    mutating func received(_ bytes: ByteBuffer) -> Bool {
        body.writeImmutableBuffer(bytes)
        return body.readableBytes >= least
    }
}

/// Whether an answer is what was paid for.
extension Exchange {
    /// Decides about the final head of an answer, at once or when enough of its body has come.
    func judge(_ head: ResponseHead) {
        // An answer that begins before its request has ended is not late: its client may have taken its time.
        let elapsed = forwarded.map { Duration.nanoseconds((loop.deadline() - $0).nanoseconds) } ?? .zero
        if shadow != nil { return decide(head, delivers: shadowHead(head, elapsed: elapsed)) }
        guard let route, sheet != nil else { return proceed(head, delivers: true) }
        // A call of gRPC can fail under any status of HTTP.
        if GRPCAnswer.isAsked(by: stream.head), GRPCAnswer.hasFailed(head) { return proceed(head, delivers: false) }
        switch route.chargeOn.judge(head, elapsed: elapsed) {
        case .delivers:
            proceed(head, delivers: true)
        case .fails(let shortfall):
            self.shortfall = shortfall
            proceed(head, delivers: false)
        case .needs(let bytes):
            probe = AnswerProbe(head, least: bytes)
        }
    }

    /// Does what a judged head leads to; the bytes of a credit are held first.
    private func proceed(_ head: ResponseHead, delivers: Bool) {
        if holdsBytes(of: head, delivers: delivers) { return }
        decide(head, delivers: delivers)
    }

    /// Takes a piece of an answer whose length decides; true where that was so.
    func probes(_ bytes: ByteBuffer) -> Bool {
        guard probe != nil else { return false }
        if probe?.received(bytes) == true { conclude(delivers: true) }
        return true
    }

    /// Ends an answer whose length decides and that was too short; false where the exchange is over with it.
    func probeEnded() -> Bool {
        guard probe != nil else { return true }
        shortfall = .short
        conclude(delivers: false)
        return !machine.isFinished
    }

    private func conclude(delivers: Bool) {
        guard let probe = probe.take() else { return }
        proceed(probe.head, delivers: delivers)
        if machine.isFinished { return }
        if probe.body.readableBytes > 0 { passOn(probe.body) }
        if held == nil { stream.flush() }
    }
}
