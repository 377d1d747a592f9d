import NIOCore

/// Collects the trailer section of a message (RFC 9113 §8.1) as lines `name: value` CRLF.
///
/// Fields that the proxy treats specially are dropped, as `ChunkedDecoder` drops them.
struct TrailerReader {
    private let limits: HeadLimits
    private let tables = HeadTables.shared
    private(set) var refusal: HeadRefusal?
    /// Bytes of all fields so far, dropped ones included.
    private(set) var listBytes = 0
    private var lines: ByteBuffer?
    private var count = 0

    init(limits: HeadLimits) {
        self.limits = limits
    }

    mutating func start() {
        self = TrailerReader(limits: limits)
    }

    mutating func field(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        listBytes &+= name.count &+ value.count &+ 32
        guard refusal == nil else { return }
        guard FieldRules.isName(name, tables), FieldRules.isValue(value), let base = name.baseAddress else {
            return refuse(.malformed("invalid trailer field"))
        }
        count += 1
        guard count <= limits.maxFields else { return refuse(.tooManyFields) }
        guard listBytes <= limits.maxHeadBytes else { return refuse(.headTooLarge) }
        let known = tables.known(base, name.count, available: name.count)
        if known.isConnectionSpecific { return refuse(.malformed("connection field in HTTP/2")) }
        guard known.mayBeTrailer else { return }
        var kept = lines ?? ByteBufferAllocator().buffer(capacity: 256)
        lines = nil
        kept.writeBytes(UnsafeRawBufferPointer(name))
        kept.writeStaticString(": ")
        kept.writeBytes(UnsafeRawBufferPointer(value))
        kept.writeStaticString("\r\n")
        lines = kept
    }

    /// Takes the lines, if any were kept.
    mutating func take() -> ByteBuffer? {
        defer { lines = nil }
        return lines
    }

    private mutating func refuse(_ refusal: HeadRefusal) {
        self.refusal = refusal
    }
}
