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
    // The value of a length that is not in the section.
    private let digits: UnsafeMutablePointer<UInt8>
    /// Of 64 bits.
    private static let mostDigits = 20

    init() {
        fields = .allocate(capacity: capacity)
        digits = .allocate(capacity: Self.mostDigits)
        digits.initialize(repeating: 0, count: Self.mostDigits)
        statusName = .allocate(capacity: Self.status.utf8CodeUnitCount)
        statusName.initialize(from: Self.status.utf8Start, count: Self.status.utf8CodeUnitCount)
    }

    deinit {
        fields.deallocate()
        statusName.deallocate()
        digits.deallocate()
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

    /// Loads a request head: `method target HTTP/1.1` and field lines.
    ///
    /// `Host` becomes `:authority` (RFC 9113 §8.3.1).
    mutating func loadRequest(_ head: inout ByteBuffer, isSecure: Bool, contentLength: UInt64?) {
        count = 0
        head.withUnsafeMutableReadableBytes { raw in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return }
            var methodEnd = 0
            while methodEnd < raw.count, base[methodEnd] != 0x20 { methodEnd &+= 1 }
            var feed = methodEnd
            while feed < raw.count, base[feed] != 0x0a { feed &+= 1 }
            // Before the line's end stands ` HTTP/1.1` CR.
            let target = methodEnd &+ 1
            guard feed &- 10 >= target else { return }
            add(":method", base, methodEnd)
            let scheme: StaticString = isSecure ? "https" : "http"
            add(":scheme", UnsafeMutablePointer(mutating: scheme.utf8Start), scheme.utf8CodeUnitCount)
            add(":path", base + target, feed &- 10 &- target)
            let authority = count
            add(":authority", base, 0)
            let hasHost = addLines(base, feed &+ 1, raw.count, authority: authority)
            if !hasHost { remove(at: authority) }
        }
        if let contentLength { addLength(contentLength) }
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
    ///
    /// - Parameter authority: Where the value of `Host` goes instead; returns whether there was one.
    @discardableResult
    private mutating func addLines(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, authority: Int? = nil
    ) -> Bool {
        let tables = HeadTables.shared
        var hasHost = false
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
            if known == .host, let authority {
                fields[authority].value = base + value
                fields[authority].valuelen = valueEnd &- value
                hasHost = true
                continue
            }
            let flags = known.isSecret ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue
            add(base + name, nameEnd &- name, base + value, valueEnd &- value, UInt8(truncatingIfNeeded: flags))
        }
        return hasHost
    }

    /// Adds a field of a constant name.
    private mutating func add(_ name: StaticString, _ value: UnsafeMutablePointer<UInt8>, _ valueLength: Int) {
        // What is not copied is not written to either.
        let start = UnsafeMutablePointer(mutating: name.utf8Start)
        add(start, name.utf8CodeUnitCount, value, valueLength, UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }

    /// Adds `content-length`; nghttp2 copies the digits when the block is submitted.
    private mutating func addLength(_ length: UInt64) {
        var start = Self.mostDigits
        var rest = length
        repeat {
            start &-= 1
            digits[start] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        add("content-length", digits + start, Self.mostDigits &- start)
        fields[count &- 1].flags &= ~UInt8(truncatingIfNeeded: NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    }

    private mutating func remove(at index: Int) {
        for next in index &+ 1..<count { fields[next &- 1] = fields[next] }
        count &-= 1
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
