import NIOCore

/// Builds the HTTP/1.1 form of a request's head from the fields of an HTTP/2 one (RFC 9113 §8).
///
///     method path HTTP/1.1
///     host: authority
///     name: value …
///     (empty line)
///
/// Whatever is malformed by RFC 9113 §8.1.1 is refused; nothing is repaired. After a refusal further fields are only
/// counted. Bytes are appended to the head's own storage, which is used again.
package struct HTTP2RequestReader {
    /// Pseudo-header fields (RFC 9113 §8.3.1), as bits.
    private struct Pseudo: OptionSet {
        let rawValue: UInt8
        static let method = Pseudo(rawValue: 1)
        static let path = Pseudo(rawValue: 2)
        static let scheme = Pseudo(rawValue: 4)
        static let authority = Pseudo(rawValue: 8)
        static let connectProtocol = Pseudo(rawValue: 16)
    }

    private let limits: HeadLimits
    private let tables = HeadTables.shared
    package private(set) var refusal: HeadRefusal?
    /// Bytes of all fields so far as RFC 9113 §6.5.2 counts them, refused ones included.
    private(set) var listBytes = 0

    private var framing = FramingFields()
    private var seen = Pseudo()
    private var hasRequestLine = false
    private var hostIsAuthority = false
    private var expectsContinue = false
    // Pseudo-header values, until the request line is written.
    private var values = ByteBuffer()
    private var method = 0..<0
    private var path = 0..<0
    private var authority = 0..<0
    // Crumbs of `cookie`, which one line holds together (RFC 9113 §8.2.3).
    private var cookies = ByteBuffer()

    /// Makes the key of a WebSocket's handshake in HTTP/1.1.
    private let makeKey: () -> [UInt8]

    package init(limits: HeadLimits, makeKey: @escaping () -> [UInt8] = HTTP2RequestReader.randomKey) {
        self.limits = limits
        self.makeKey = makeKey
    }

    /// Starts a head; its storage is emptied.
    package mutating func start(_ head: inout RequestHead) {
        refusal = nil
        listBytes = 0
        framing = FramingFields()
        seen = []
        hasRequestLine = false
        hostIsAuthority = false
        expectsContinue = false
        // A range of an earlier head would lie outside of the values of this one.
        (method, path, authority) = (0..<0, 0..<0, 0..<0)
        values.clear()
        cookies.clear()
        head.bytes.clear()
        head.fields.removeAll(keepingCapacity: true)
        head.host = nil
        head.method = .other
    }

    /// Takes one field.
    package mutating func field(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ head: inout RequestHead
    ) {
        listBytes &+= name.count &+ value.count &+ 32
        guard refusal == nil else { return }
        guard let first = name.first else { return refuse(.malformed("empty field name")) }
        guard FieldRules.isValue(value) else { return refuse(.malformed("invalid byte in field value")) }
        if first == UInt8(ascii: ":") { return pseudo(name, value) }
        guard FieldRules.isName(name, tables) else { return refuse(.malformed("invalid byte in field name")) }
        if !hasRequestLine, !writeRequestLine(&head) { return }
        if FieldRules.equal(name, "cookie") { return cookie(value, head) }
        regular(name, value, &head)
    }

    /// Ends the head; the head is whole unless there is a refusal.
    package mutating func finish(_ head: inout RequestHead, endsStream: Bool) {
        guard refusal == nil, hasRequestLine || writeRequestLine(&head) else { return }
        if cookies.readableBytes > 0 {
            let name: StaticString = "cookie"
            let cookies = cookies
            cookies.withUnsafeReadableBytes { raw in
                let value = UnsafeBufferPointer(start: raw.bindMemory(to: UInt8.self).baseAddress, count: raw.count)
                regular(UnsafeBufferPointer(start: name.utf8Start, count: 6), value, &head)
            }
        }
        guard refusal == nil else { return }
        if head.host == nil { return refuse(.malformed("host missing")) }
        if seen.contains(.connectProtocol) { writeUpgrade(&head) }
        guard refusal == nil else { return }
        head.bytes.writeStaticString("\r\n")
        finishFraming(&head, endsStream: endsStream)
    }

    private mutating func finishFraming(_ head: inout RequestHead, endsStream: Bool) {
        let isUpgrade = seen.contains(.connectProtocol)
        if isUpgrade {
            // What follows is no body, but the other protocol.
            if framing.contentLength != nil { return refuse(.malformed("content-length with CONNECT")) }
            head.body = .none
        } else if let length = framing.contentLength {
            // RFC 9113 §8.1.1: the length must be that of the DATA frames.
            if endsStream, length > 0 { return refuse(.malformed("content-length without a body")) }
            head.body = .length(length)
        } else {
            head.body = endsStream ? .none : .chunked
        }
        head.present = framing.present
        head.hasNominations = framing.hasNominations
        head.isHTTP10 = false
        head.keepAlive = true
        head.hasUpgrade = isUpgrade
        head.expectsContinue = expectsContinue && !endsStream && !head.body.isEmpty
    }

    private mutating func refuse(_ refusal: HeadRefusal) {
        self.refusal = refusal
    }

    // MARK: Pseudo-header fields

    private mutating func pseudo(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        guard !hasRequestLine else { return refuse(.malformed("pseudo-header field after a field")) }
        let start = values.writerIndex
        if FieldRules.equal(name, ":method") {
            guard note(.method), FieldRules.isToken(value, tables) else { return refuse(.malformed("invalid method")) }
            method = start..<start + value.count
        } else if FieldRules.equal(name, ":path") {
            guard note(.path) else { return refuse(.malformed("path twice")) }
            guard value.count <= limits.maxTargetBytes else { return refuse(.targetTooLong) }
            guard FieldRules.isVisible(value) else { return refuse(.malformed("invalid request target")) }
            path = start..<start + value.count
        } else if FieldRules.equal(name, ":authority") {
            guard note(.authority), FieldRules.isVisible(value) else { return refuse(.malformed("invalid authority")) }
            authority = start..<start + value.count
        } else if FieldRules.equal(name, ":scheme") {
            let isKnown = FieldRules.equal(value, "https") || FieldRules.equal(value, "http")
            guard note(.scheme), isKnown else { return refuse(.malformed("invalid scheme")) }
            return
        } else if FieldRules.equal(name, ":protocol") {
            // Of all that extended CONNECT can ask for (RFC 8441 §4), WebSocket has a form in HTTP/1.1.
            guard note(.connectProtocol) else { return refuse(.malformed("protocol twice")) }
            guard FieldRules.equal(value, "websocket") else { return refuse(.notImplemented) }
            return
        } else {
            return refuse(.malformed("unknown pseudo-header field"))
        }
        guard values.readableBytes + value.count <= limits.maxHeadBytes else { return refuse(.headTooLarge) }
        values.writeBytes(UnsafeRawBufferPointer(value))
    }

    private mutating func note(_ field: Pseudo) -> Bool {
        seen.insert(field).inserted
    }

    /// Writes request line and `host`; returns whether the head may go on.
    private mutating func writeRequestLine(_ head: inout RequestHead) -> Bool {
        hasRequestLine = true
        let size = values.readableBytes + 32
        guard size <= limits.maxHeadBytes else {
            refuse(.headTooLarge)
            return false
        }
        head.bytes.reserveCapacity(max(size, 512))
        values.withUnsafeReadableBytes { raw in
            head.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: raw[method]))
            head.bytes.writeStaticString(" ")
            head.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: raw[path]))
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return }
            head.method = Method(base + method.lowerBound, method.count)
        }
        head.bytes.writeStaticString(" HTTP/1.1\r\n")
        head.methodRange = 0..<method.count
        head.targetRange = method.count + 1..<method.count + 1 + path.count
        if seen.contains(.connectProtocol) { writeGet(&head) }
        if let refusal = refusal ?? requestLineRefusal(head) {
            refuse(refusal)
            return false
        }
        if seen.contains(.authority) { writeAuthority(&head) }
        return refusal == nil
    }

    private mutating func writeAuthority(_ head: inout RequestHead) {
        let host: StaticString = "host"
        let (values, authority) = (values, authority)
        values.withUnsafeReadableBytes { raw in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return }
            regular(
                UnsafeBufferPointer(start: host.utf8Start, count: 4),
                UnsafeBufferPointer(start: base + authority.lowerBound, count: authority.count), &head)
        }
        hostIsAuthority = true
    }

    private func requestLineRefusal(_ head: RequestHead) -> HeadRefusal? {
        guard seen.contains(.method) else { return .malformed("method missing") }
        if head.method == .connect { return .notImplemented }
        guard seen.contains(.scheme) else { return .malformed("scheme missing") }
        guard seen.contains(.path), !path.isEmpty else { return .malformed("path missing") }
        let first = values.getInteger(at: path.lowerBound, as: UInt8.self)
        if first == UInt8(ascii: "/") { return nil }
        // RFC 9113 §8.3.1: the asterisk is for OPTIONS alone.
        let isAsterisk = first == UInt8(ascii: "*") && path.count == 1 && head.method == .options
        return isAsterisk ? nil : .malformed("path not in origin form")
    }

    // MARK: Extended CONNECT

    /// Makes the request line that the same request has in HTTP/1.1 (RFC 6455 §4.1).
    private mutating func writeGet(_ head: inout RequestHead) {
        guard head.method == .connect else { return refuse(.malformed("protocol without CONNECT")) }
        head.bytes.clear()
        head.bytes.writeStaticString("GET ")
        values.withUnsafeReadableBytes { raw in
            _ = head.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: raw[path]))
        }
        head.bytes.writeStaticString(" HTTP/1.1\r\n")
        head.method = .get
        head.methodRange = 0..<3
        head.targetRange = 4..<4 + path.count
    }

    /// Adds what an upgrade has in HTTP/1.1, and HTTP/2 says otherwise.
    private mutating func writeUpgrade(_ head: inout RequestHead) {
        for (name, value) in [
            ("connection", Array("upgrade".utf8)), ("upgrade", Array("websocket".utf8)),
            ("sec-websocket-key", makeKey()),
        ] {
            Array(name.utf8).withUnsafeBufferPointer { name in
                value.withUnsafeBufferPointer { regular(name, $0, &head, isOurs: true) }
            }
        }
    }

    /// 16 random bytes in base64 (RFC 6455 §4.1).
    package static func randomKey() -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var random = SystemRandomNumberGenerator()
        let sixBits = (0..<21).map { _ in alphabet[Int.random(in: 0..<64, using: &random)] }
        // The last of 22 digits has two bits of the 128.
        return sixBits + [alphabet[Int.random(in: 0..<4, using: &random) * 16]] + Array("==".utf8)
    }

    // MARK: Fields

    private mutating func cookie(_ crumb: UnsafeBufferPointer<UInt8>, _ head: RequestHead) {
        guard head.bytes.readableBytes + cookies.readableBytes + crumb.count + 12 <= limits.maxHeadBytes else {
            return refuse(.headTooLarge)
        }
        // An empty crumb would leave a blank at the end of the line.
        guard !crumb.isEmpty else { return }
        if cookies.readableBytes > 0 { cookies.writeStaticString("; ") }
        cookies.writeBytes(UnsafeRawBufferPointer(crumb))
    }

    private mutating func regular(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ head: inout RequestHead,
        isOurs: Bool = false
    ) {
        guard head.fields.count < limits.maxFields else { return refuse(.tooManyFields) }
        let start = head.bytes.readableBytes
        let size = name.count + value.count + 4
        guard start + size + 2 <= limits.maxHeadBytes else { return refuse(.headTooLarge) }
        let tables = tables
        var span: FieldSpan?
        head.bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { raw in
            guard let line = raw.bindMemory(to: UInt8.self).baseAddress, let nameBytes = name.baseAddress else {
                return 0
            }
            line.update(from: nameBytes, count: name.count)
            line[name.count] = UInt8(ascii: ":")
            line[name.count + 1] = 0x20
            if let valueBytes = value.baseAddress {
                (line + name.count + 2).update(from: valueBytes, count: value.count)
            }
            line[size - 2] = 0x0d
            line[size - 1] = 0x0a
            let field = FieldSpan(
                start: Int32(truncatingIfNeeded: start), nameEnd: Int32(truncatingIfNeeded: start + name.count),
                valueStart: Int32(truncatingIfNeeded: start + name.count + 2),
                valueEnd: Int32(truncatingIfNeeded: start + size - 2), end: Int32(truncatingIfNeeded: start + size),
                known: tables.known(line, name.count, available: size))
            let base = UnsafePointer(line) - start
            if isOurs {
                _ = framing.note(field, base)
            } else {
                guard note(field, base, &head.host) else { return 0 }
            }
            span = field
            return size
        }
        if let span { head.fields.append(span) }
    }

    /// Judges a field; false if it is refused or left out.
    private mutating func note(
        _ field: FieldSpan, _ base: UnsafePointer<UInt8>, _ host: inout Range<Int>?
    ) -> Bool {
        let value = UnsafeRawBufferPointer(base, field.value)
        switch field.known {
        case .host:
            if let earlier = host {
                let isSame = TokenList.equal(value, UnsafeRawBufferPointer(base, earlier))
                if !hostIsAuthority { refuse(.malformed("host twice")) }
                // RFC 9113 §8.3.1: one that says the same is left out.
                if hostIsAuthority, !isSame { refuse(.malformed("host differs from authority")) }
                return false
            }
            host = field.value
        case .te:
            guard TokenList.equal(value, "trailers") else {
                refuse(.malformed("te other than trailers"))
                return false
            }
        case .expect:
            expectsContinue = TokenList.equal(value, "100-continue")
        case let known where known.isConnectionSpecific:
            refuse(.malformed("connection field in HTTP/2"))
            return false
        default:
            break
        }
        if let refused = framing.note(field, base) {
            refuse(refused)
            return false
        }
        return true
    }
}
