package import NIOCore
package import Primitives

/// The address of a client, for upstreams, logs and proofs.
package struct ClientAddress {
    private let socket: SocketAddress?

    package init(_ socket: SocketAddress?) { self.socket = socket }

    /// Appends the address without its port, as `X-Forwarded-For` has it; `unknown` for a unix socket.
    package func write(to buffer: inout ByteBuffer) {
        switch socket {
        case .v4(let address):
            withUnsafeBytes(of: address.address) { raw in
                _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 15) { target in
                    var end = 0
                    for index in Self.v4Bytes { Self.write(raw[index], isFirst: index == 4, to: target, at: &end) }
                    return end
                }
            }
        case .v6:
            buffer.writeString(socket?.ipAddress ?? "unknown")
        case .unixDomainSocket, nil:
            buffer.writeStaticString("unknown")
        }
    }

    /// Writes one part of a dotted address.
    @inline(__always)
    private static func write(
        _ byte: UInt8, isFirst: Bool, to target: UnsafeMutableRawBufferPointer, at end: inout Int
    ) {
        if !isFirst {
            target[end] = UInt8(ascii: ".")
            end &+= 1
        }
        if byte >= 100 {
            target[end] = UInt8(ascii: "0") &+ byte / 100
            end &+= 1
        }
        if byte >= 10 {
            target[end] = UInt8(ascii: "0") &+ byte / 10 % 10
            end &+= 1
        }
        target[end] = UInt8(ascii: "0") &+ byte % 10
        end &+= 1
    }

    /// A keyed hash of the address, IPv6 by its /64: enough to know a client again, not enough to name it.
    ///
    /// On a socket for both families IPv4 clients come as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), all in one /64: they go by
    /// their IPv4 address.
    ///
    /// Keccak-256 over key and address: a sponge needs no HMAC around it (Keccak team, "Strengths of Keccak").
    package func hash(key: Bytes32) -> Bytes32? {
        switch socket {
        case .v4(let address): withUnsafeBytes(of: address.address) { Self.hash($0[Self.v4Bytes], key: key) }
        case .v6(let address):
            withUnsafeBytes(of: address.address) { raw in
                let isMapped = raw[Self.v6MappedPrefix].elementsEqual(Self.mappedPrefix)
                return Self.hash(raw[isMapped ? Self.v6MappedAddress : Self.v6Prefix], key: key)
            }
        case .unixDomainSocket, nil: nil
        }
    }

    private static func hash(_ address: Slice<UnsafeRawBufferPointer>, key: Bytes32) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 32 + address.count, alignment: 8) { message in
            key.withBytes { message.copyMemory(from: $0) }
            UnsafeMutableRawBufferPointer(rebasing: message[32...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: address))
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
    }

    /// Where `sockaddr_in` has the address: after family and port.
    private static let v4Bytes = 4..<8
    /// Where `sockaddr_in6` has the first 64 bits of the address: after family, port and flow information.
    private static let v6Prefix = 8..<16
    private static let v6MappedPrefix = 8..<20
    private static let v6MappedAddress = 20..<24
    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
}

extension ByteBuffer {
    /// Appends bytes as they are.
    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) { writeBytes(bytes) }

    /// Appends a number in decimal digits.
    mutating func writeDecimal(_ value: UInt64) {
        if value < 10 {
            writeInteger(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value))
            return
        }
        writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { target in
            var digits = 1
            var bound: UInt64 = 10
            while digits < 20, value >= bound {
                digits &+= 1
                bound = bound &* 10
            }
            var rest = value
            var index = digits
            while index > 0 {
                index &-= 1
                target[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            return digits
        }
    }
}
