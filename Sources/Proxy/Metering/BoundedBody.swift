import NIOCore
import Pricing

/// A request's body that is looked at for what its answer may cost at most, and held until the request is forwarded.
struct BoundedBody {
    /// What is asked where the request does not bound it.
    let ceiling: OfferSheet
    /// What has come; once it was taken, further pieces go on as they come.
    private var bytes = ByteBuffer()
    private var trailers: ByteBuffer?
    private var reader: RequestReader?
    private(set) var isHolding = true
    private var isPaused = false

    init(_ bounds: RequestBounds, ceiling: OfferSheet) {
        self.ceiling = ceiling
        reader = bounds.reader()
    }

    /// Takes a piece; false where there is too much to be looked at, once.
    mutating func received(_ piece: ByteBuffer) -> Bool {
        var piece = piece
        piece.withUnsafeReadableBytes { reader?.scan($0) }
        bytes.writeBuffer(&piece)
        guard reader != nil, bytes.readableBytes > AnswerMeter.maximumRequestBytes else { return true }
        reader = nil
        isPaused = true
        return false
    }

    /// The body is whole: what it says; nil where it was too long to be looked at.
    mutating func ended(trailers: ByteBuffer?) -> OutputBounds? {
        self.trailers = trailers
        defer { reader = nil }
        return reader?.finish()
    }

    /// What was held, once.
    mutating func take() -> (bytes: ByteBuffer, trailers: ByteBuffer?)? {
        guard isHolding else { return nil }
        isHolding = false
        defer { bytes = ByteBuffer() }
        return (bytes, trailers)
    }

    /// Whether the client was made to wait, and may go on now; once.
    mutating func takePause() -> Bool {
        defer { isPaused = false }
        return isPaused
    }
}
