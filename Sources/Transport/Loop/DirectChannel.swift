import NIOCore

/// A handler that has its channel to itself, so that the channel can call it without a pipeline between.
protocol SoleHandler: AnyObject {
    /// Takes what was read; as `channelRead`.
    func received(_ bytes: ByteBuffer)

    /// One read event is over; as `channelReadComplete`.
    func readCompleted()
}

/// A channel that a sole handler can use without the pipeline between.
///
/// Everything but reading and sending still goes through the pipeline.
protocol DirectChannel: AnyObject {
    /// Called instead of the pipeline; nil once the channel is closed, and where other handlers stand in the pipeline.
    var soleHandler: (any SoleHandler)? { get set }

    /// Writes and flushes, behind whatever was written before.
    func send(_ bytes: ByteBuffer)
}
