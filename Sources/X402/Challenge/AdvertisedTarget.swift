/// The part of a request target that a 402 shows in its resource URL.
///
/// A payment is not bound to the resource, so a target that would swell the header is shortened: by its query, or to
/// `/`. Bytes that a URL or a JSON string cannot hold become `%XX`.
struct AdvertisedTarget {
    /// Most bytes that are shown: base64 of it leaves the header below the 4 KiB that intermediaries take.
    static let maxBytes = 1024

    private let bytes: UnsafeRawBufferPointer
    private let isPlain: Bool

    init(_ target: UnsafeRawBufferPointer) {
        var shown = target
        if shown.count > Self.maxBytes, let query = shown.firstIndex(of: UInt8(ascii: "?")) {
            shown = UnsafeRawBufferPointer(rebasing: shown[..<query])
        }
        if shown.count > Self.maxBytes || shown.first != UInt8(ascii: "/") {
            shown = UnsafeRawBufferPointer(start: Self.root.utf8Start, count: 1)
        }
        bytes = shown
        isPlain = shown.allSatisfy { Self.isPlain($0) }
    }

    private static var root: StaticString { "/" }

    /// The most bytes that any target of that length takes.
    static func bound(_ count: Int) -> Int { 3 * min(max(count, 1), maxBytes) }

    /// The bytes as they are shown; lent for the call.
    @inline(__always)
    func withShownBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        if isPlain { return body(bytes) }
        return withUnsafeTemporaryAllocation(byteCount: 3 * bytes.count, alignment: 1) { room in
            var sink = ByteSink(room)
            for byte in bytes {
                if Self.isPlain(byte) {
                    sink.put(byte)
                } else {
                    sink.put(UInt8(ascii: "%"))
                    sink.put(Self.digit(byte >> 4))
                    sink.put(Self.digit(byte & 0xF))
                }
            }
            return body(UnsafeRawBufferPointer(rebasing: room[..<sink.count]))
        }
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble &+ UInt8(ascii: "0") : nibble &+ (UInt8(ascii: "A") &- 10)
    }
}
