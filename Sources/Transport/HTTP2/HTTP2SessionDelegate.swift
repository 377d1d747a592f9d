/// Takes what a session finds in the peer's bytes, and what it has sent.
///
/// Everything is called inside `HTTP2Session.receive` or `gather`. Requests and answers may be submitted there; those two
/// must not be called again.
protocol HTTP2SessionDelegate: AnyObject {
    /// A field section begins: a message's head, or its trailers.
    func fieldsBegan(_ streamID: Int32, isTrailers: Bool)

    /// One field of the section; the bytes are valid during the call.
    func fieldArrived(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>)

    /// The section is complete.
    func fieldsEnded(_ streamID: Int32, endsStream: Bool)

    /// A piece of a body; `HTTP2Session.received(_:)` gives its bytes.
    func dataArrived(_ streamID: Int32, _ range: Range<Int>)

    /// The body ended with a DATA frame.
    func dataEnded(_ streamID: Int32)

    /// The peer reset a stream, which is closed next.
    func streamReset(_ streamID: Int32)

    /// Nothing more is sent or received on the stream.
    func streamClosed(_ streamID: Int32, _ code: HTTP2ErrorCode)

    /// So many bytes of a body left.
    func bodySent(_ streamID: Int32, bytes: Int)

    /// The last frame of our message left.
    func messageSent(_ streamID: Int32)

    /// The peer answered our PING.
    func pingAcknowledged()

    /// The peer announced settings.
    func settingsArrived()

    /// The peer ends the connection; streams that it did not process are closed next, as refused (RFC 9113 §6.8).
    func goAwayArrived()

    /// The head of our request left.
    func headSent(_ streamID: Int32)
}

extension HTTP2SessionDelegate {
    func settingsArrived() {}
    func goAwayArrived() {}
    func headSent(_ streamID: Int32) {}
}
