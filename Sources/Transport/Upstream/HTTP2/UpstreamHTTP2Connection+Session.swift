import NIOCore

extension UpstreamHTTP2Connection: HTTP2SessionDelegate {
    /// How often the limit of a head may be passed by its fields before the whole connection is given up.
    private static let patience = 4

    func settingsArrived() { hasSettings = true }

    func goAwayArrived() { retire() }

    // MARK: Fields

    /// Interim answers, the final one and trailers all are field sections; which it is, the stream knows.
    func fieldsBegan(_ streamID: Int32, isTrailers _: Bool) {
        reading = session.object(of: streamID, as: UpstreamHTTP2Stream.self)
        if reading?.awaitsHead == true { reader.start(&head) } else { trailers.start() }
    }

    func fieldArrived(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        let listBytes: Int
        if reading?.awaitsHead == true {
            reader.field(name, value, &head)
            listBytes = reader.listBytes
        } else {
            trailers.field(name, value)
            listBytes = trailers.listBytes
        }
        // A few bytes can stand for a field of kilobytes that was sent once (RFC 7541 §7.3).
        if listBytes > pool.configuration.head.maxHeadBytes * Self.patience { session.terminate(.enhanceYourCalm) }
    }

    func fieldsEnded(_ streamID: Int32, endsStream: Bool) {
        guard let stream = reading, stream.id == streamID else { return }
        reading = nil
        if stream.awaitsHead {
            reader.finish(&head, method: stream.method, endsStream: endsStream)
            if let refusal = reader.refusal { return stream.refuse(refusal) }
            stream.headArrived(head, endsStream: endsStream)
        } else if let refusal = trailers.refusal {
            stream.refuse(refusal)
        } else if endsStream {
            stream.answerEnded(trailers: trailers.take())
        } else {
            // RFC 9113 §8.1: trailers end the stream.
            stream.refuse(.malformed("trailers do not end the stream"))
        }
    }

    // MARK: Bodies

    func dataArrived(_ streamID: Int32, _ range: Range<Int>) {
        // What one client does not read must not hold up the others: the stream's window alone is kept shut.
        session.consumeConnection(range.count)
        session.object(of: streamID, as: UpstreamHTTP2Stream.self)?.bodyArrived(session.received(range))
    }

    func dataEnded(_ streamID: Int32) {
        session.object(of: streamID, as: UpstreamHTTP2Stream.self)?.answerEnded(trailers: nil)
    }

    func bodySent(_ streamID: Int32, bytes: Int) {
        session.object(of: streamID, as: UpstreamHTTP2Stream.self)?.bodySent(bytes)
        budget.sent()
    }

    // MARK: Ends

    func headSent(_ streamID: Int32) {
        session.object(of: streamID, as: UpstreamHTTP2Stream.self)?.headLeft()
    }

    func messageSent(_ streamID: Int32) {
        session.object(of: streamID, as: UpstreamHTTP2Stream.self)?.messageLeft()
    }

    func streamReset(_ streamID: Int32) {}

    func streamClosed(_ streamID: Int32, _ code: HTTP2ErrorCode) {
        guard let stream = session.object(of: streamID, as: UpstreamHTTP2Stream.self) else { return }
        session.setObject(nil, for: streamID)
        if reading === stream { reading = nil }
        stream.closed(code)
    }

    func pingAcknowledged() {}
}
