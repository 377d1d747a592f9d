import NIOCore

/// Takes the body of one message off its connection's input.
struct BodyReader {
    /// Whether all of the body has been taken.
    private(set) var isOver = true
    /// Bytes of content taken so far.
    private(set) var received: UInt64 = 0

    private var framing = BodyFraming.none
    private var remaining: UInt64 = 0
    private var decoder: ChunkedDecoder
    private var limit: UInt64 = .max

    init(limits: HeadLimits) {
        decoder = ChunkedDecoder(limits: limits)
    }

    /// Starts the body of a new message; the one before must be over.
    mutating func start(_ framing: BodyFraming, limit: UInt64? = nil) {
        self.framing = framing
        self.limit = limit ?? .max
        received = 0
        isOver = false
        if case .length(let length) = framing { remaining = length }
    }

    /// Bytes still to come, as far as that is known.
    var announced: UInt64? {
        switch framing {
        case .none: 0
        case .length: remaining
        case .chunked, .untilClose: nil
        }
    }

    /// Takes the next step; after `end` the body is over.
    mutating func next(_ input: inout ByteBuffer) -> ChunkedDecoder.Step {
        switch framing {
        case .none:
            isOver = true
            return .end(trailers: nil)
        case .length:
            guard remaining > 0 else {
                isOver = true
                return .end(trailers: nil)
            }
            let step = Self.take(&input, atMost: remaining)
            if case .data(let bytes) = step { remaining -= UInt64(bytes.readableBytes) }
            return count(step)
        case .chunked:
            let step = decoder.next(&input)
            if case .end = step { isOver = true }
            return count(step)
        case .untilClose:
            return count(Self.take(&input, atMost: .max))
        }
    }

    private mutating func count(_ step: ChunkedDecoder.Step) -> ChunkedDecoder.Step {
        guard case .data(let bytes) = step else { return step }
        received &+= UInt64(bytes.readableBytes)
        return received > limit ? .refused(.bodyTooLarge) : step
    }

    private static func take(_ input: inout ByteBuffer, atMost limit: UInt64) -> ChunkedDecoder.Step {
        let length = Int(clamping: min(limit, UInt64(input.readableBytes)))
        guard length > 0, let bytes = input.readSlice(length: length) else { return .incomplete }
        return .data(bytes)
    }
}
