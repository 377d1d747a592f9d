import NIOCore
import Primitives
import Transport

/// The protocols that the connections of a route may be switched to (`upgrade`).
package struct UpgradeSet: Hashable, Sendable {
    /// In lower case.
    private let tokens: [String]

    package static let webSocket = UpgradeSet(["websocket"])

    package init(_ tokens: [String]) { self.tokens = tokens.map { $0.lowercased() } }

    package var isEmpty: Bool { tokens.isEmpty }

    fileprivate func contains(_ token: UnsafeRawBufferPointer) -> Bool {
        tokens.contains { name in
            name.utf8.count == token.count
                && zip(name.utf8, token).allSatisfy { $0 == $1 || ($1 >= 0x41 && $1 <= 0x5A && $0 == $1 | 0x20) }
        }
    }
}

/// Another protocol that a client asks for, where its route admits it (RFC 9110 §7.8).
struct ProtocolUpgrade {
    /// The protocol, as the client spells it.
    let token: [UInt8]
    /// What `Sec-WebSocket-Accept` of the answer must be; nil where the protocol is another.
    private let accept: [UInt8]?

    /// What the request asks for; nil where it is to be forwarded as any other.
    ///
    /// A request with a body, of HTTP/1.0, or whose `Connection` does not name `Upgrade`, asks for nothing. Of several
    /// protocols the first that is admitted is asked for, alone.
    init?(_ head: RequestHead, allowed: UpgradeSet) {
        guard head.hasUpgrade, !allowed.isEmpty, !head.isHTTP10, head.body.isEmpty, head.method != .head,
            let field = head.first(.upgrade), head.isNominated(field)
        else { return nil }
        var found: [UInt8]?
        head.withBytes { bytes in
            for field in head.fields where field.known == .upgrade {
                TokenList(UnsafeRawBufferPointer(rebasing: bytes[field.value])).forEach { token in
                    if found == nil, allowed.contains(token) { found = Array(token) }
                }
            }
        }
        guard let found else { return nil }
        token = found
        guard found.withUnsafeBytes({ TokenList.equal($0, "websocket") }) else {
            accept = nil
            return
        }
        guard head.method == .get, let key = Self.value(of: "sec-websocket-key", in: head), key.count == 24 else {
            return nil
        }
        accept = Self.accept(for: key)
    }

    /// What a server answers to a key (RFC 6455 §4.2.2).
    static func accept(for key: [UInt8]) -> [UInt8] {
        Array(Base64.encode(SHA1.hash(key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))).utf8)
    }

    /// Appends the field lines that ask for it.
    func writeRequest(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("connection: upgrade\r\n")
        writeField(to: &buffer)
    }

    /// Appends `Upgrade`.
    func writeField(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("upgrade: ")
        buffer.writeBytes(token)
        buffer.writeStaticString("\r\n")
    }

    /// Whether a 101 switches to what was asked for, and to nothing else.
    func isConfirmed(by head: ResponseHead) -> Bool {
        guard head.count(of: .upgrade) == 1, let field = head.first(.upgrade), head.isNominated(field) else {
            return false
        }
        let isSame = head.withBytes { bytes in
            token.withUnsafeBytes { TokenList.equal(UnsafeRawBufferPointer(rebasing: bytes[field.value]), $0) }
        }
        guard isSame else { return false }
        return accept == nil || accept == Self.value(of: "sec-websocket-accept", in: head)
    }

    /// The value of a field that comes exactly once.
    private static func value(of name: StaticString, in head: some HeadBytes) -> [UInt8]? {
        let fields = head.fields(named: name)
        guard fields.count == 1, let field = fields.first else { return nil }
        return head.withBytes { Array($0[field.value]) }
    }
}
