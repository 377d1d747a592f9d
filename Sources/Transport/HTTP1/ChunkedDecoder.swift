package import NIOCore

/// Decodes the chunked transfer coding strictly (RFC 9112 §7.1), as the bytes arrive.
///
/// A chunk size is 1 to 16 hex digits, directly followed by CRLF or by `;` and an extension. Extensions are dropped, and
/// so are trailer fields that the proxy treats specially: framing, routing and payment fields must not come in late
/// (RFC 9110 §6.5.1). After a refusal the decoder and its connection are not to be used again.
package struct ChunkedDecoder {
    /// One step of decoding.
    package enum Step {
        /// A piece of the body, never empty.
        case data(ByteBuffer)
        /// The body is over; the trailer lines (`name: value` CRLF each) if any were kept.
        case end(trailers: ByteBuffer?)
        /// More bytes are needed; unread ones stay in the input, to which the caller only appends.
        case incomplete
        case refused(HeadRefusal)
    }

    private enum State {
        case size
        case sizeDigits(Int)
        case chunkExtension(Int)
        case sizeLF
        case data
        case dataCR
        case dataLF
        case trailers
    }

    /// Longest extension of one chunk, in bytes.
    package static let maxExtensionBytes = 1024

    private let limits: HeadLimits
    private var state = State.size
    private var remaining: UInt64 = 0
    private var scanner: FieldScanner
    private var trailers: ByteBuffer?
    private var trailerCount = 0

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
        scanner = FieldScanner(tables: HeadTables.shared)
    }

    /// Takes the next step off the front of `input`.
    package mutating func next(_ input: inout ByteBuffer) -> Step {
        while true {
            switch state {
            case .data:
                let length = Int(clamping: min(remaining, UInt64(input.readableBytes)))
                guard length > 0, let piece = input.readSlice(length: length) else { return .incomplete }
                remaining -= UInt64(length)
                if remaining == 0 { state = .dataCR }
                return .data(piece)
            case .trailers:
                return trailerSection(&input)
            case .size, .sizeDigits, .chunkExtension, .sizeLF, .dataCR, .dataLF:
                guard let byte = input.readInteger(as: UInt8.self) else { return .incomplete }
                if let refusal = advance(byte) { return .refused(refusal) }
            }
        }
    }

    /// Takes one byte between the data of two chunks.
    private mutating func advance(_ byte: UInt8) -> HeadRefusal? {
        switch state {
        case .size:
            guard let digit = Self.hexDigit(byte) else { return .malformed("invalid chunk size") }
            remaining = digit
            state = .sizeDigits(1)
        case .sizeDigits(let count):
            if let digit = Self.hexDigit(byte) {
                guard count < 16 else { return .malformed("chunk size too long") }
                remaining = remaining &<< 4 | digit
                state = .sizeDigits(count + 1)
            } else if byte == 0x0d {
                state = .sizeLF
            } else if byte == UInt8(ascii: ";") {
                state = .chunkExtension(1)
            } else {
                return .malformed("invalid chunk size")
            }
        case .chunkExtension(let count):
            if byte == 0x0d {
                state = .sizeLF
            } else if byte < 0x20 && byte != 0x09 || byte == 0x7f {
                return .malformed("invalid chunk extension")
            } else {
                guard count < Self.maxExtensionBytes else { return .malformed("chunk extension too long") }
                state = .chunkExtension(count + 1)
            }
        case .sizeLF:
            guard byte == 0x0a else { return .malformed("bare CR") }
            state = remaining == 0 ? .trailers : .data
            scanner.start(at: 0)
        case .dataCR:
            guard byte == 0x0d else { return .malformed("chunk longer than its size") }
            state = .dataLF
        case .dataLF:
            guard byte == 0x0a else { return .malformed("bare CR") }
            state = .size
        case .data, .trailers:
            break
        }
        return nil
    }

    /// Reads trailer lines; they stay in `input` until all are there.
    private mutating func trailerSection(_ input: inout ByteBuffer) -> Step {
        var kept = trailers
        var length = 0
        let start = input.readerIndex
        let whole = input
        let outcome = input.withUnsafeReadableBytes { raw -> HeadParseOutcome in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return .incomplete }
            return scanTrailers(base, raw.count, &length) { line in
                guard var piece = whole.getSlice(at: start + line.lowerBound, length: line.count) else { return }
                kept.setOrWriteBuffer(&piece)
            }
        }
        trailers = kept
        switch outcome {
        case .incomplete: return .incomplete
        case .refused(let refusal): return .refused(refusal)
        case .complete:
            input.moveReaderIndex(forwardBy: length)
            let result = trailers
            self = ChunkedDecoder(limits: limits)
            return .end(trailers: result)
        }
    }

    private mutating func scanTrailers(
        _ base: UnsafePointer<UInt8>, _ available: Int, _ length: inout Int, keep: (Range<Int>) -> Void
    ) -> HeadParseOutcome {
        let isFull = available >= limits.maxHeadBytes
        let count = isFull ? limits.maxHeadBytes : available
        guard scanner.isWorthLooking(base, count, isFull: isFull) else { return .incomplete }
        while true {
            switch scanner.line(base, count) {
            case .field(let field):
                if trailerCount == limits.maxFields { return .refused(.tooManyFields) }
                trailerCount += 1
                if field.known.mayBeTrailer { keep(field.line) }
                scanner.start(at: Int(field.end))
            case .end(let end):
                length = end
                return .complete
            case .incomplete:
                scanner.ranOut(at: count)
                return isFull ? .refused(.headTooLarge) : .incomplete
            case .refused(let refusal):
                return .refused(refusal)
            }
        }
    }

    private static func hexDigit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}

extension KnownField {
    /// Whether the field is passed on from a trailer section.
    var mayBeTrailer: Bool { self == .other || self == .etag }
}
