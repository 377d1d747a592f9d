import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// Counts the answer to one request as it passes.
///
/// Of a stream whose usage the client did not ask for it holds the event at hand, else nothing.
final class AnswerMeter {
    /// Bytes of a request's body that are held at most, to ask for usage in it.
    static let maximumRequestBytes = 1024 * 1024

    private let meter: UsageMeter
    private var request: RequestReader?
    private var scanner: UsageScanner?
    /// What header and trailer fields say, by quantity.
    private var fields: [UsageFinding]
    private var bytes: UInt64 = 0
    /// What the upstream wants to be charged.
    private(set) var announced: SettlementOverride?
    /// Whether the answer is a stream of events, which are passed on as they come.
    private(set) var isEventStream = false
    /// Whether usage was asked for on the client's behalf, and is not passed on.
    private var hidesUsage = false
    /// What of the answer is not decided yet.
    private var held: [ByteBuffer] = []

    init(_ meter: UsageMeter) {
        self.meter = meter
        request = meter.bounds?.reader()
        fields = Array(repeating: .missing, count: meter.quantities.count)
    }

    // MARK: What passes

    /// A piece of the request's body, on its way upstream.
    func requestReceived(_ piece: ByteBuffer) { piece.withUnsafeReadableBytes { request?.scan($0) } }

    /// Whether the request's body must be at hand, so that usage can be asked for in it.
    var mayAskForUsage: Bool { meter.addsUsage }

    /// The body with usage asked for; nil where it stays as it is.
    func askingForUsage(_ body: ByteBuffer) -> ByteBuffer? {
        guard meter.addsUsage, case .edit(let edit) = body.withUnsafeReadableBytes(StreamOptionsEdit.decide) else {
            return nil
        }
        hidesUsage = true
        return body.withUnsafeReadableBytes { bytes in
            var edited = ByteBufferAllocator().buffer(capacity: bytes.count + StreamOptionsEdit.maximumGrowth)
            edited.writeBytes(bytes[..<edit.range.lowerBound])
            edited.writeString(edit.replacement)
            edited.writeBytes(bytes[edit.range.upperBound...])
            return edited
        }
    }

    /// The head of an answer that delivers.
    func began(_ head: ResponseHead) {
        isEventStream = Self.framing(of: head) == .events
        if let report = meter.report, let framing = Self.framing(of: head) {
            // A body whose length was told cannot be made shorter.
            hidesUsage = hidesUsage && framing == .events && head.contentLength == nil
            scanner = UsageScanner(report, framing: framing, withholds: hidesUsage)
        } else {
            hidesUsage = false
        }
        head.withBytes { bytes in
            for field in head.fields where field.known == .settlementOverrides {
                announced = SettlementOverride(UnsafeRawBufferPointer(rebasing: bytes[field.value]))
            }
            for (index, quantity) in meter.quantities.enumerated() {
                guard case .header(let name) = quantity.source else { continue }
                for field in head.fields where Self.isNamed(name, bytes[field.name]) {
                    fields[index] = UsageNumber.read(UnsafeRawBufferPointer(rebasing: bytes[field.value]))
                }
            }
        }
    }

    /// A piece of its body; what may go on to the client is given to `pass`, in order.
    func received(_ piece: ByteBuffer, pass: (ByteBuffer) -> Void) {
        guard hidesUsage else {
            bytes &+= UInt64(piece.readableBytes)
            piece.withUnsafeReadableBytes { scanner?.scan($0) }
            return pass(piece)
        }
        var rest = piece
        piece.withUnsafeReadableBytes { bytes in
            scanner?.scan(bytes) { cut in
                let length = cut.end - (bytes.count - rest.readableBytes)
                if let slice = rest.readSlice(length: length), length > 0 { held.append(slice) }
                settle(isWithheld: cut.isWithheld, pass)
            }
        }
        if rest.readableBytes > 0 { held.append(rest) }
    }

    private func settle(isWithheld: Bool, _ pass: (ByteBuffer) -> Void) {
        if !isWithheld {
            for piece in held {
                bytes &+= UInt64(piece.readableBytes)
                pass(piece)
            }
        }
        held.removeAll(keepingCapacity: true)
    }

    /// The answer is whole.
    func ended(trailers: ByteBuffer?, pass: (ByteBuffer) -> Void) {
        if hidesUsage, let isWithheld = scanner?.finish() { settle(isWithheld: isWithheld, pass) }
        guard let trailers else { return }
        trailers.withUnsafeReadableBytes { bytes in
            for line in bytes.split(separator: 0x0A) {
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
                let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
                let value = line[(colon + 1)...].drop(while: isSpace)
                let end = value.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? value.startIndex
                for (index, quantity) in meter.quantities.enumerated() {
                    guard case .trailer(let name) = quantity.source, Self.isNamed(name, line[..<colon]) else {
                        continue
                    }
                    fields[index] = UsageNumber.read(UnsafeRawBufferPointer(rebasing: value[value.startIndex..<end]))
                }
            }
        }
    }

    // MARK: What it comes to

    /// What was used of each quantity; the answer is over, or broke off.
    func usage(elapsed: Duration) -> AnswerUsage {
        _ = scanner?.finish()
        let findings = meter.findings(report: scanner?.findings, bytes: bytes, elapsed: elapsed) { source in
            meter.quantities.firstIndex { $0.source == source }.map { fields[$0] } ?? .missing
        }
        let bounds = request?.finish() ?? OutputBounds(bodyBytes: 0)
        // An answer without a body is one where a field of it says so.
        let isDelivered = bytes > 0 || announced != nil || fields.contains { $0 != .missing }
        return AnswerUsage(
            isDelivered: isDelivered, findings: findings, estimate: meter.estimate(bounds))
    }

    /// How usage is framed in the body; nil where it cannot be read.
    private static func framing(of head: ResponseHead) -> UsageFraming? {
        // Compression is not asked for; who compresses all the same is not read.
        if head.has(.contentEncoding) { return nil }
        guard let type = head.first(.contentType) else { return .document }
        return head.withBytes { bytes in
            var media = bytes[type.value].prefix { $0 != UInt8(ascii: ";") }
            while media.last == 0x20 { media = media.dropLast() }
            if isNamed("text/event-stream", media) { return .events }
            let isLines = ["application/x-ndjson", "application/ndjson", "application/jsonl"].contains {
                isNamed($0, media)
            }
            return isLines ? .lines : .document
        }
    }

    /// Compares with a name in lower case.
    private static func isNamed(_ name: String, _ bytes: some Collection<UInt8>) -> Bool {
        guard name.utf8.count == bytes.count else { return false }
        return zip(name.utf8, bytes).allSatisfy { $0 == $1 || ($1 &- UInt8(ascii: "A") < 26 && $0 == $1 | 0x20) }
    }
}
