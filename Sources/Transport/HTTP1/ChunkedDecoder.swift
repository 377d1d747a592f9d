package import NIOCore

/// Decodes the chunked transfer coding strictly (RFC 9112 §7.1), as the bytes arrive.
package struct ChunkedDecoder {
    /// One step of decoding.
    package enum Step {
        /// A piece of the body, never empty.
        case data(ByteBuffer)
        /// The body is over; the trailer lines (`name: value` CRLF each) if any were kept.
        case end(trailers: ByteBuffer?)
        /// More bytes are needed.
        case incomplete
        case refused(HeadRefusal)
    }

    private let limits: HeadLimits

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    /// Takes the next step off the front of `input`.
    package mutating func next(_ input: inout ByteBuffer) -> Step {
        .incomplete
    }
}
