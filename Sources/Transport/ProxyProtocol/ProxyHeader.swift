/// What a proxy says of a connection before its first byte: the PROXY protocol, versions 1 and 2.
///
/// haproxy.org, doc/proxy-protocol.txt; the sections are its own.
package enum ProxyHeader: Equatable, Sendable {
    /// The proxy's own connection, or one whose ends it does not know: the connection's own ends count.
    case local
    case proxied(source: Endpoint, destination: Endpoint)

    /// One end of the connection that is told about.
    package struct Endpoint: Equatable, Sendable {
        /// Nil for a unix-domain socket.
        package var address: IPAddress?
        package var port: UInt16
    }

    /// What the first bytes of a connection come to.
    package enum ParseOutcome: Equatable, Sendable {
        case incomplete
        /// The header and its length; the connection's own bytes follow.
        case complete(ProxyHeader, length: Int)
        case invalid(Mistake)
    }

    /// Why the bytes are no header.
    package enum Mistake: Equatable, Sendable {
        case noSignature, malformedLine, version, command, family, length, tooLong, extensions, checksum

        package var message: StaticString {
            switch self {
            case .noSignature: "no PROXY header"
            case .malformedLine: "malformed PROXY line"
            case .version: "unknown version of the PROXY protocol"
            case .command: "unknown PROXY command"
            case .family: "PROXY header of another protocol than TCP"
            case .length: "PROXY header too short for its addresses"
            case .tooLong: "PROXY header too long"
            case .extensions: "malformed PROXY extension"
            case .checksum: "wrong checksum of a PROXY header"
            }
        }
    }

    /// The longest header that is taken; what senders write is far below.
    package static let maxBytes = 4096

    /// Reads the header at the start of the bytes.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> ParseOutcome {
        guard let first = bytes.first else { return .incomplete }
        return first == UInt8(ascii: "P") ? ProxyHeaderLine.parse(bytes) : ProxyHeaderBlock.parse(bytes)
    }

    /// Whether the bytes may still become this signature, or have it.
    static func begins(_ bytes: UnsafeRawBufferPointer, with signature: StaticString) -> Bool {
        for index in 0..<min(bytes.count, signature.utf8CodeUnitCount) where bytes[index] != signature.utf8Start[index]
        {
            return false
        }
        return true
    }
}
