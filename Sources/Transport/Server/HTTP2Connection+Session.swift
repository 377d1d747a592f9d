import NIOCore

extension HTTP2Connection: HTTP2SessionDelegate {
    /// How often the limit of a head may be passed by its fields before the whole connection is given up.
    private static let patience = 4

    func fieldsBegan(_ streamID: Int32, isTrailers: Bool) {
        isReadingTrailers = isTrailers
        if isTrailers {
            reading = session.object(of: streamID, as: HTTP2Stream.self)
            trailers.start()
            return
        }
        guard countUnderWay() < limits.http2.maxStreams else {
            reading = nil
            trailers.start()
            return session.reset(streamID, .refusedStream)
        }
        let stream = makeStream(streamID)
        session.setObject(stream, for: streamID)
        reader.start(&stream.head)
        reading = stream
    }

    func fieldArrived(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        let listBytes: Int
        if isReadingTrailers || reading == nil {
            trailers.field(name, value)
            listBytes = trailers.listBytes
        } else if let reading {
            reader.field(name, value, &reading.head)
            listBytes = reader.listBytes
        } else {
            return
        }
        // A few bytes can stand for a field of kilobytes that was sent once (RFC 7541 §7.3).
        if listBytes > limits.head.maxHeadBytes * Self.patience { session.terminate(.enhanceYourCalm) }
    }

    func fieldsEnded(_ streamID: Int32, endsStream: Bool) {
        guard let stream = reading, stream.id == streamID else { return }
        reading = nil
        if isReadingTrailers {
            trailersEnded(stream, endsStream: endsStream)
            return
        }
        reader.finish(&stream.head, endsStream: endsStream)
        stream.isRequestOver = endsStream
        if let refusal = reader.refusal {
            stream.refuse(refusal)
        } else {
            stream.begin()
        }
    }

    private func trailersEnded(_ stream: HTTP2Stream, endsStream: Bool) {
        let lines = trailers.take()
        if let refusal = trailers.refusal {
            stream.refuse(refusal)
        } else if !endsStream {
            // RFC 9113 §8.1: trailers end the stream.
            stream.refuse(.malformed("trailers do not end the stream"))
        } else {
            stream.requestEnded(trailers: lines)
        }
    }

    func dataArrived(_ streamID: Int32, _ range: Range<Int>) {
        guard let stream = session.object(of: streamID, as: HTTP2Stream.self) else {
            return session.consumeConnection(range.count)
        }
        stream.bodyArrived(session.received(range))
    }

    func dataEnded(_ streamID: Int32) {
        session.object(of: streamID, as: HTTP2Stream.self)?.requestEnded(trailers: nil)
    }

    func streamReset(_ streamID: Int32) {
        guard session.object(of: streamID, as: HTTP2Stream.self) != nil else { return }
        if !budget.wasReset(now: loop.sweep.now) { session.terminate(.enhanceYourCalm) }
    }

    func streamClosed(_ streamID: Int32, _ code: HTTP2ErrorCode) {
        guard let stream = session.object(of: streamID, as: HTTP2Stream.self) else { return }
        session.setObject(nil, for: streamID)
        if reading === stream { reading = nil }
        removeStream(stream)
        unsent -= stream.source.count
        stream.source.reset()
        session.consumeConnection(stream.unconsumed)
        stream.unconsumed = 0
        stream.pending = noBytes
        stream.deadline = .distantFuture
        guard let broken = stream.takeHandler() else { return keep(stream) }
        broken.downstreamClosed(.peerClosed)
        leftBehind.append(stream)
    }

    func bodySent(_ streamID: Int32, bytes: Int) {
        session.object(of: streamID, as: HTTP2Stream.self)?.bodySent(bytes)
    }

    func messageSent(_ streamID: Int32) {
        session.object(of: streamID, as: HTTP2Stream.self)?.messageSent()
    }

    func pingAcknowledged() { announceLast() }
}
