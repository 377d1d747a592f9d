import NIOCore
import Transport

/// HTTP/1.1 framing: however the bytes of a connection are cut, the same messages come out.
///
/// The first byte of an input says whether the rest is a stream of requests or of responses, the second seeds the cuts.
enum FramingFuzz {
    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count >= 2 else { return nil }
        let isRequest = bytes[0] & 1 == 0
        let stream = UnsafeRawBufferPointer(rebasing: bytes[2...])
        var whole = MessageReader(isRequest: isRequest)
        whole.feed(stream)
        var cut = MessageReader(isRequest: isRequest)
        var pieces = PieceSizes(seed: bytes[1])
        var start = 0
        while start < stream.count {
            let end = min(stream.count, start + pieces.next())
            cut.feed(UnsafeRawBufferPointer(rebasing: stream[start..<end]))
            start = end
        }
        if let fault = whole.fault ?? cut.fault { return fault }
        // Of an unfinished head the whole may show a fault for which the pieces still wait.
        if whole.messages != cut.messages || (whole.isWaiting && !cut.isWaiting) {
            return "cut differently, read differently: \(whole.transcript) against \(cut.transcript)"
        }
        return whole.body == cut.body ? nil : "cut differently, other bodies"
    }
}

/// Lengths of pieces, the same for the same seed: often single bytes, sometimes many.
struct PieceSizes {
    private var state: UInt64

    init(seed: UInt8) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state & 3 == 0 ? Int(state >> 32 & 63) + 1 : 1
    }
}

/// Reads a connection to its end, and writes down what it found.
struct MessageReader {
    enum Event: Equatable {
        case head([UInt8], BodyFraming, fields: Int, keepAlive: Bool)
        case end(trailers: [UInt8])
        case refused
    }

    private(set) var transcript: [Event] = []
    private(set) var fault: String?
    /// All body bytes of the connection, since their pieces depend on the cuts.
    private(set) var body: [UInt8] = []

    /// What was read before a refusal, if there was one.
    var messages: ArraySlice<Event> { transcript.last == .refused ? transcript.dropLast() : transcript[...] }
    /// Whether more input could still be read.
    var isWaiting: Bool { transcript.last != .refused }

    private enum State {
        case head
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case untilClose
        case over
    }

    private let isRequest: Bool
    private var state = State.head
    private var input = ByteBuffer()
    private var requests = RequestHeadParser()
    private var responses = ResponseHeadParser()
    private var request = RequestHead()
    private var response = ResponseHead()

    init(isRequest: Bool) { self.isRequest = isRequest }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        if case .over = state { return }
        input.writeBytes(bytes)
        while step() {}
    }

    /// Takes one step, false when it needs more input.
    private mutating func step() -> Bool {
        switch state {
        case .head: return readHead()
        case .length(let remaining):
            guard let piece = input.readBytes(length: Int(min(remaining, UInt64(input.readableBytes)))) else {
                return false
            }
            body += piece
            let left = remaining - UInt64(piece.count)
            state = left == 0 ? .head : .length(left)
            if left == 0 { transcript.append(.end(trailers: [])) }
            return left == 0
        case .chunked(var decoder):
            let step = decoder.next(&input)
            state = .chunked(decoder)
            return take(step)
        case .untilClose:
            body += input.readBytes(length: input.readableBytes) ?? []
            return false
        case .over: return false
        }
    }

    private mutating func take(_ step: ChunkedDecoder.Step) -> Bool {
        switch step {
        case .data(let piece):
            if piece.readableBytes == 0 { fault = "an empty piece of a body" }
            body += piece.readableBytesView
            return true
        case .end(let trailers):
            transcript.append(.end(trailers: trailers.map { Array($0.readableBytesView) } ?? []))
            state = .head
            return true
        case .incomplete: return false
        case .refused: return refuse()
        }
    }

    private mutating func readHead() -> Bool {
        let outcome =
            isRequest
            ? requests.parse(&input, into: &request) : responses.parse(&input, method: .get, into: &response)
        switch outcome {
        case .incomplete: return false
        case .refused: return refuse()
        case .complete:
            let framing = isRequest ? request.body : response.body
            if isRequest {
                note(request, framing, keepAlive: request.keepAlive)
                fault = fault ?? HeadRules.fault(in: request)
            } else {
                note(response, framing, keepAlive: response.keepAlive)
                fault = fault ?? HeadRules.fault(in: response)
            }
            switch framing {
            case .none, .length(0): transcript.append(.end(trailers: []))
            case .length(let count): state = .length(count)
            case .chunked: state = .chunked(ChunkedDecoder())
            case .untilClose: state = .untilClose
            }
            return true
        }
    }

    private mutating func note(_ head: some HeadBytes, _ framing: BodyFraming, keepAlive: Bool) {
        let bytes = head.withBytes { Array($0) }
        transcript.append(.head(bytes, framing, fields: head.fields.count, keepAlive: keepAlive))
    }

    private mutating func refuse() -> Bool {
        transcript.append(.refused)
        state = .over
        return false
    }
}
