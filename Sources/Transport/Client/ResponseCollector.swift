import NIOCore

/// Gathers one response out of the bytes of a connection, within its limits.
///
/// ```
/// head ──1xx──▶ head
///   └──▶ length | chunked | untilClose ──▶ over
/// ```
struct ResponseCollector {
    /// What the bytes so far amount to.
    enum Step {
        case incomplete
        /// The response is complete; whether its connection can carry another request.
        case complete(OutgoingResponse, reusable: Bool)
        case failed(TransportError)
    }

    private enum Phase {
        case head
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
        case over
    }

    private let method: Method
    private let maxBodyBytes: Int
    private var informationalLeft: Int
    private var parser: ResponseHeadParser
    private let headLimits: HeadLimits
    private var phase = Phase.head
    private var input = ByteBuffer()
    private var head = ResponseHead()
    private var body: [UInt8] = []

    init(method: Method, maxBodyBytes: Int, limits: OutgoingLimits) {
        self.method = method
        self.maxBodyBytes = maxBodyBytes
        informationalLeft = limits.maxInformational
        headLimits = HeadLimits(maxHeadBytes: limits.maxHeadBytes)
        parser = ResponseHeadParser(limits: headLimits)
    }

    /// Takes bytes that arrived.
    mutating func received(_ bytes: ByteBuffer) -> Step {
        var bytes = bytes
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        while true {
            switch phase {
            case .head:
                if let step = takeHead() { return step }
            case .length(let remaining):
                return takeLength(remaining)
            case .chunked(var decoder):
                // The decoder must not be shared while it works.
                phase = .over
                let step = takeChunks(&decoder)
                if case .incomplete = step { phase = .chunked(decoder) }
                return step
            case .untilClose:
                let bytes = input
                input.clear()
                return append(bytes) ?? .incomplete
            case .over:
                return failed(.malformedResponse, "bytes after the response")
            }
        }
    }

    /// Takes the orderly end of the connection.
    mutating func inputEnded() -> Step {
        guard case .untilClose = phase else { return failed(.connectionClosed, nil) }
        return finish(reusable: false)
    }

    /// Nil when a head was taken and the next phase may go on.
    private mutating func takeHead() -> Step? {
        switch parser.parse(&input, method: method, into: &head) {
        case .incomplete: return .incomplete
        case .refused(let refusal): return refused(refusal)
        case .complete: break
        }
        if (100..<200).contains(head.status) {
            informationalLeft -= 1
            guard head.status != 101, informationalLeft >= 0 else {
                return failed(.malformedResponse, "an informational response that was not asked for")
            }
            parser = ResponseHeadParser(limits: headLimits)
            return nil
        }
        switch head.body {
        case .none: return finish(reusable: true)
        case .length(let length):
            guard length <= UInt64(maxBodyBytes) else { return failed(.responseTooLarge, nil) }
            guard length > 0 else { return finish(reusable: true) }
            body.reserveCapacity(Int(length))
            phase = .length(remaining: Int(length))
        case .chunked: phase = .chunked(ChunkedDecoder(limits: headLimits))
        case .untilClose: phase = .untilClose
        }
        return nil
    }

    private mutating func takeLength(_ remaining: Int) -> Step {
        let count = min(remaining, input.readableBytes)
        if let bytes = input.readBytes(length: count) { body += bytes }
        guard count == remaining else {
            phase = .length(remaining: remaining - count)
            return .incomplete
        }
        return finish(reusable: true)
    }

    private mutating func takeChunks(_ decoder: inout ChunkedDecoder) -> Step {
        while true {
            switch decoder.next(&input) {
            case .data(let bytes):
                if let failure = append(bytes) { return failure }
            case .end: return finish(reusable: true)
            case .incomplete: return .incomplete
            case .refused(let refusal): return refused(refusal)
            }
        }
    }

    private mutating func append(_ bytes: ByteBuffer) -> Step? {
        guard bytes.readableBytes <= maxBodyBytes - body.count else { return failed(.responseTooLarge, nil) }
        body.append(contentsOf: bytes.readableBytesView)
        return nil
    }

    private mutating func finish(reusable: Bool) -> Step {
        phase = .over
        let headers = head.fields.map { (name: head.string($0.name), value: head.string($0.value)) }
        // What follows a response that nobody asked for would be read as the answer to the next request.
        return .complete(
            OutgoingResponse(status: head.status, headers: headers, body: body),
            reusable: reusable && head.keepAlive && input.readableBytes == 0)
    }

    private mutating func refused(_ refusal: HeadRefusal) -> Step {
        switch refusal {
        case .headTooLarge, .tooManyFields, .bodyTooLarge: failed(.responseTooLarge, refusal.shortDescription)
        default: failed(.malformedResponse, refusal.shortDescription)
        }
    }

    private mutating func failed(_ code: TransportError.Code, _ detail: String?) -> Step {
        phase = .over
        return .failed(TransportError(code, detail: detail))
    }
}
