import CNGHTTP2
import NIOCore

/// A head or trailer section in HTTP/1.1 form as nghttp2 takes it: an array of names and values.
///
/// Names and values are not copied: they point into the section's storage, which must stay until the frame has left.
struct FieldBlock: ~Copyable {
    private(set) var count = 0
    private(set) var fields: UnsafeMutablePointer<nghttp2_nv>
    private var capacity = 64
    // `:status` with a value that lies in the section.
    private let statusName: UnsafeMutablePointer<UInt8>
    private static let status: StaticString = ":status"

    init() {
        fields = .allocate(capacity: capacity)
        statusName = .allocate(capacity: Self.status.utf8CodeUnitCount)
        statusName.initialize(from: Self.status.utf8Start, count: Self.status.utf8CodeUnitCount)
    }

    deinit {
        fields.deallocate()
        statusName.deallocate()
    }

    /// Loads a response head: `HTTP/1.1 200 …` and field lines.
    mutating func loadResponse(_ head: inout ByteBuffer) {
        count = 0
        let name = statusName
        head.withUnsafeMutableReadableBytes { raw in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress, raw.count >= 12 else { return }
            add(name, Self.status.utf8CodeUnitCount, base + 9, 3, UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            var start = 12
            while start < raw.count, base[start] != 0x0a { start &+= 1 }
            addLines(base, start &+ 1, raw.count)
        }
    }

    /// Loads trailer lines.
    mutating func loadTrailers(_ lines: inout ByteBuffer) {
        count = 0
        lines.withUnsafeMutableReadableBytes { raw in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return }
            addLines(base, 0, raw.count)
        }
    }

    /// Adds each line `name: value` CRLF, its name in lower case; connection fields are left out (RFC 9113 §8.2.2).
    private mutating func addLines(_ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) {
        let tables = HeadTables.shared
        var cursor = start
        while cursor < end {
            let name = cursor
            while cursor < end, tables.token[Int(base[cursor])] != 0 {
                let byte = base[cursor]
                if byte &- UInt8(ascii: "A") < 26 { base[cursor] = byte | 0x20 }
                cursor &+= 1
            }
            let nameEnd = cursor
            let isField = nameEnd > name && cursor < end && base[cursor] == UInt8(ascii: ":")
            if isField { cursor &+= 1 }
            var value = cursor
            cursor = FieldScanner.endOfText(base, value, end)
            var valueEnd = cursor
            while cursor < end, base[cursor] != 0x0a { cursor &+= 1 }
            cursor &+= 1
            guard isField else { continue }
            while value < valueEnd, FieldScanner.isBlank(base[value]) { value &+= 1 }
            while valueEnd > value, FieldScanner.isBlank(base[valueEnd &- 1]) { valueEnd &-= 1 }
            let known = tables.known(base + name, nameEnd &- name, available: end &- name)
            if known.isConnectionSpecific { continue }
            let flags = known.isSecret ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue
            add(base + name, nameEnd &- name, base + value, valueEnd &- value, UInt8(truncatingIfNeeded: flags))
        }
    }

    private mutating func add(
        _ name: UnsafeMutablePointer<UInt8>, _ nameLength: Int, _ value: UnsafeMutablePointer<UInt8>,
        _ valueLength: Int, _ flags: UInt8
    ) {
        if count == capacity { grow() }
        let kept = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
        (fields + count).initialize(
            to: nghttp2_nv(
                name: name, value: value, namelen: nameLength, valuelen: valueLength,
                flags: flags | UInt8(truncatingIfNeeded: kept)))
        count &+= 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: fields, count: count)
        fields.deallocate()
        fields = larger
        capacity *= 2
    }
}

extension KnownField {
    /// Whether HTTP/2 forbids the field, as it has frames for what it says (RFC 9113 §8.2.2).
    var isConnectionSpecific: Bool {
        switch self {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: true
        default: false
        }
    }

    /// Whether a value must not enter a compression table (RFC 7541 §7.1.3).
    fileprivate var isSecret: Bool {
        switch self {
        case .authorization, .cookie, .setCookie, .paymentGrant, .paymentSignature, .xPayment, .paymentResponse,
            .xPaymentResponse, .signInWithX, .proxyAuthorization:
            true
        default: false
        }
    }
}
