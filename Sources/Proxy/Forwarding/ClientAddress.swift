package import NIOCore
package import Primitives
package import Transport

/// The address of a client, for upstreams, logs and proofs.
package struct ClientAddress {
    private let address: IPAddress?

    package init(_ address: IPAddress?) { self.address = address }

    /// Appends the address without a port, as `X-Forwarded-For` has it; `unknown` for a unix socket.
    package func write(to buffer: inout ByteBuffer) {
        if let address {
            address.write(to: &buffer)
        } else {
            buffer.writeStaticString("unknown")
        }
    }

    /// A keyed hash of the address, IPv6 by its /64: enough to know a client again, not enough to name it.
    ///
    /// Keccak-256 over key and address: a sponge needs no HMAC around it (Keccak team, "Strengths of Keccak").
    package func hash(key: Bytes32) -> Bytes32? {
        guard let address else { return nil }
        if address.isIPv4 { return Self.hash(address.v4.bigEndian, key: key) }
        return Self.hash(UInt64(truncatingIfNeeded: address.bits >> 64).bigEndian, key: key)
    }

    private static func hash(_ address: some FixedWidthInteger, key: Bytes32) -> Bytes32 {
        withUnsafeBytes(of: address) { address in
            withUnsafeTemporaryAllocation(byteCount: 32 + address.count, alignment: 8) { message in
                key.withBytes { message.copyMemory(from: $0) }
                UnsafeMutableRawBufferPointer(rebasing: message[32...]).copyMemory(from: address)
                return Keccak256.hash(UnsafeRawBufferPointer(message))
            }
        }
    }
}

extension ClientIdentity {
    var client: ClientAddress { ClientAddress(address) }
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
