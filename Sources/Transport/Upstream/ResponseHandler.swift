package import NIOCore

/// Takes the events of one upstream request, always on its event loop and never inside `UpstreamPool.start`.
package protocol ResponseHandler: AnyObject {
    /// A 1xx head arrived, 100 included.
    func informational(_ head: ResponseHead)

    /// The final head arrived; its storage is reused after the call.
    func responseHead(_ head: ResponseHead)

    /// The upstream said 101 to a request that may be upgraded; its head's storage is reused after the call.
    ///
    /// From here on `responseBody` brings the bytes of the other protocol, and `UpstreamRequest.writeBody` sends them.
    /// `responseEnded` tells that the upstream has closed its direction, `UpstreamRequest.end` closes ours; until that is
    /// called, `upstreamWritable` and `upstreamFailed` may still follow.
    func switchedProtocols(_ head: ResponseHead)

    /// Takes a piece of the body.
    func responseBody(_ bytes: ByteBuffer)

    /// The answer is complete; called once, and nothing is called after it. Flush downstream here.
    func responseEnded(trailers: ByteBuffer?)

    /// The request body may flow again after `UpstreamRequest.isWritable` was false.
    func upstreamWritable()

    /// One read event is over and the answer goes on: the moment to flush downstream.
    func readComplete()

    /// The exchange failed, before or after the head; nothing is called after it.
    func upstreamFailed(_ error: UpstreamError)
}

extension ResponseHandler {
    /// For handlers that never ask for another protocol.
    package func switchedProtocols(_ head: ResponseHead) {}
}
