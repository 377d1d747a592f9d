import NIOCore
import Pricing
import Transport

/// One question to an upstream for its price; outlives the client that it was asked for.
final class UpstreamQuoteCall: ResponseHandler {
    private let quote: UpstreamQuote
    private var answered: ((ToldPrice?) -> Void)?
    private var request: UpstreamRequest?
    private var timer: Scheduled<Void>?
    /// Bytes of the answer's body that went by unread.
    private var skipped = 0

    /// A body that is longer is not waited for.
    private static let maximumSkipped = 64 * 1024

    private init(_ quote: UpstreamQuote, _ answered: @escaping (ToldPrice?) -> Void) {
        self.quote = quote
        self.answered = answered
    }

    /// Asks, and calls `answered` once, on this event loop; with nil where no price was told in time.
    static func ask(
        _ quote: UpstreamQuote, _ head: ByteBuffer, _ group: UpstreamGroup, key: UInt64, on eventLoop: any EventLoop,
        answered: @escaping (ToldPrice?) -> Void
    ) {
        let call = UpstreamQuoteCall(quote, answered)
        let bound = NIOLoopBound(call, eventLoop: eventLoop)
        call.timer = eventLoop.scheduleTask(in: TimeAmount(quote.timeout)) { bound.value.timedOut() }
        let hasBody = quote.method == .post
        let request = group.start(
            head, body: hasBody ? .length(0) : .none, isIdempotent: quote.method.isIdempotent, method: quote.method,
            key: key, handler: call)
        call.request = request
        if hasBody { request.end(trailers: nil) }
    }

    private func timedOut() {
        let request = request
        end(nil)
        request?.cancel()
    }

    private func end(_ told: ToldPrice?) {
        timer?.cancel()
        timer = nil
        request = nil
        answered.take()?(told)
    }

    /// The price of an answer; nil where it is none, or its field is not there exactly once.
    private func price(_ head: ResponseHead) -> ToldPrice? {
        guard (200..<300).contains(head.status) else { return nil }
        return head.withBytes { bytes in
            var values = head.fields.filter { Self.isNamed(quote.header, bytes[$0.name]) }
            guard let line = values.popLast(), values.isEmpty else { return nil }
            return UpstreamQuote.read(String(decoding: bytes[line.value], as: UTF8.self), isCost: quote.isCost)
        }
    }

    private static func isNamed(_ name: String, _ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        bytes.count == name.utf8.count
            && zip(bytes, name.utf8).allSatisfy { $0 == $1 || ($0 &- UInt8(ascii: "A") < 26 && $0 | 0x20 == $1) }
    }

    // MARK: The answer

    func informational(_ head: ResponseHead) {}

    func responseHead(_ head: ResponseHead) {
        answered.take()?(price(head))
    }

    func responseBody(_ bytes: ByteBuffer) {
        skipped += bytes.readableBytes
        guard skipped > Self.maximumSkipped, let request else { return }
        end(nil)
        request.cancel()
    }

    func responseEnded(trailers: ByteBuffer?) { end(nil) }

    func upstreamWritable() {}

    func readComplete() {}

    func upstreamFailed(_ error: UpstreamError) { end(nil) }
}
