import NIOCore

/// Makes the short ids that tie an answer to its log line.
///
/// 16 hex digits: a random start per loop, then counted through a mixing step, so that ids neither repeat nor tell a rate.
package struct RequestIDs {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> RequestID {
        state &+= 0x9E37_79B9_7F4A_7C15
        // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so no id repeats within 2^64.
        var mixed = state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return RequestID(value: mixed ^ (mixed &>> 31))
    }
}

/// One request's id, in logs and error bodies.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package init(value: UInt64) { self.value = value }

    package static let byteCount = 16

    /// Writes the 16 hex digits.
    package func write(into target: UnsafeMutableRawBufferPointer) {
        precondition(target.count >= Self.byteCount)
        for index in 0..<Self.byteCount {
            let nibble = UInt8(truncatingIfNeeded: value &>> UInt64(60 &- 4 &* index)) & 15
            target[index] = nibble < 10 ? UInt8(ascii: "0") &+ nibble : UInt8(ascii: "a") &+ nibble &- 10
        }
    }

    package var description: String {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 1) { bytes in
            write(into: bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension ByteBuffer {
    mutating func writeID(_ id: RequestID) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: RequestID.byteCount) { target in
            id.write(into: target)
            return RequestID.byteCount
        }
    }
}
