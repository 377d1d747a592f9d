import NIOCore
import Pricing
import Primitives
import X402

/// The price of one request under a table, while it is being found out and after.
///
/// Holds the body back as far as the price depends on it.
final class RequestQuote {
    enum Phase {
        /// Nothing of the body is needed so far.
        case head
        /// The body comes in and is looked at; nothing of it has gone on.
        case reading
        /// The price is known, or the request refused; what is in hand waits to be forwarded.
        case holding
        /// The body goes on as it comes.
        case passing
    }

    /// How far the payer is known, where the price depends on it.
    enum PayerSearch {
        case unsought
        /// A payment that came along names who has paid this; the price of nobody in particular stands beside.
        case paying(Payment, PayerVolume, base: OfferSheet)
        case signingIn
        case signedIn(String)
        case settled
    }

    let tariff: RouteTariff
    var payer = PayerSearch.unsought
    var facts: QuoteFacts
    private(set) var phase = Phase.head
    /// The rule that decided, for the log.
    var rule: String?
    /// What the source says of its price, for the log.
    var note: String?
    /// What the source was asked.
    var question: Bytes32?
    private var scanner: BodyFieldScanner?
    /// What is held back of the body.
    private(set) var body = ByteBuffer()
    private(set) var isBodyWhole = false
    /// The hash of a body that was looked into and is here whole.
    private(set) var bodyDigest: Bytes32?
    /// Why rules cannot look into the body, once that is known; it is not looked at again.
    var refusal: BodyRefusal?
    /// The sheet of nobody in particular, where the price depends on who pays.
    var base: OfferSheet?
    /// What offers for this body carry, once it was asked for.
    var bodyTag: String?
    private var trailers: ByteBuffer?
    private var isPaused = false
    /// What the price was told by; a body that says something else later is broken off.
    private var quoted: [FieldReading] = []

    init(_ tariff: RouteTariff, _ facts: QuoteFacts) {
        self.tariff = tariff
        self.facts = facts
    }

    // MARK: Reading

    func startReading() {
        scanner = tariff.reader.bodyScanner()
        phase = .reading
    }

    enum OnPiece {
        case more
        /// The fields are known, or there can be none: ask for the price again.
        case known
        case unreadable(BodyRefusal)
    }

    /// Takes a piece of the body that is looked at.
    ///
    /// What counts is what stands within the limit, however the bytes happen to arrive.
    func received(_ bytes: ByteBuffer) -> OnPiece {
        let room = max(0, (tariff.body?.maxBytes ?? 0) - body.readableBytes)
        hold(bytes)
        scan(bytes) { $0.prefix(room) }
        if let failure = scanner?.failure { return .unreadable(failure.refusal) }
        guard bytes.readableBytes > room else { return .more }
        guard scanner?.isSettled == true else { return .unreadable(.tooLong) }
        scan(bytes) { $0.dropFirst(room) }
        if let failure = scanner?.failure { return .unreadable(failure.refusal) }
        return known()
    }

    private func scan(
        _ bytes: ByteBuffer, _ part: (UnsafeRawBufferPointer) -> UnsafeRawBufferPointer.SubSequence
    ) {
        bytes.withUnsafeReadableBytes { scanner?.scan(UnsafeRawBufferPointer(rebasing: part($0))) }
    }

    /// The body that is looked at has come to its end.
    func ended(trailers: ByteBuffer?) -> OnPiece {
        noteEnd(trailers: trailers)
        scanner?.finish()
        if let failure = scanner?.failure { return .unreadable(failure.refusal) }
        return known()
    }

    private func known() -> OnPiece {
        if let scanner {
            quoted = scanner.readings
            tariff.reader.place(scanner, into: &facts.readings)
        }
        facts.isBodyRead = true
        if isBodyWhole { bodyDigest = body.withUnsafeReadableBytes { SHA256.hash($0) } }
        return .known
    }

    // MARK: Holding

    func hold(_ bytes: ByteBuffer) {
        var bytes = bytes
        body.writeBuffer(&bytes)
    }

    func noteEnd(trailers: ByteBuffer?) {
        isBodyWhole = true
        self.trailers = trailers
    }

    /// What comes from now on waits until the request is forwarded; whether the client must be made to wait.
    func startHolding() -> Bool {
        guard phase == .reading else { return false }
        phase = .holding
        isPaused = !isBodyWhole
        return isPaused
    }

    /// Looks no further into the body: whatever it says costs the same.
    func stopScanning() { scanner = nil }

    // MARK: Passing on

    /// What was held back, once; nil where nothing ever was.
    func takeBody() -> (bytes: ByteBuffer, trailers: ByteBuffer?)? {
        guard phase == .holding else { return nil }
        phase = .passing
        defer { body = ByteBuffer() }
        return (body, trailers)
    }

    /// Whether the client was made to wait, and may go on now; once.
    func takePause() -> Bool {
        defer { isPaused = false }
        return isPaused
    }

    /// Looks at a piece behind what was held; false where it makes another price of the request.
    func agrees(_ bytes: ByteBuffer) -> Bool {
        guard scanner != nil, !isBodyWhole else { return true }
        bytes.withUnsafeReadableBytes { scanner?.scan($0) }
        return scanner.map { $0.failure == nil && $0.readings == quoted } ?? true
    }

    /// The same of the end of the body.
    func agreesAtEnd() -> Bool {
        guard scanner != nil, !isBodyWhole else { return true }
        scanner?.finish()
        return scanner?.failure == nil
    }
}
