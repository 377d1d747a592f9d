import NIOCore
import Transport

/// An upstream's answer that may not go out before a settlement is known.
///
/// The upstream is paused while it waits, so it holds one read's worth of body at most.
struct HeldAnswer {
    /// Nil where the upstream failed instead of answering.
    var head: ResponseHead?
    var failure: UpstreamError?
    var body: [ByteBuffer] = []
    var trailers: ByteBuffer?
    var isEnded = false
    /// The upstream broke off after its head.
    var isBroken = false

    init(head: ResponseHead) { self.head = head }

    init(failure: UpstreamError) { self.failure = failure }
}
