import NIOCore
import Primitives
import Transport

/// What a payment is bound to.
extension Exchange {
    /// HEAD is priced as GET, but opens nothing else than it opened.
    var methodName: String { stream.head.string(stream.head.methodRange) }

    /// Keccak-256 of host, a zero byte and the canonical target.
    var targetDigest: Bytes32 {
        withForwardedTarget { target in
            let host = stream.head.host ?? 0..<0
            return stream.head.withBytes { bytes in
                withUnsafeTemporaryAllocation(byteCount: host.count + 1 + target.count, alignment: 1) { scratch in
                    for (offset, index) in host.enumerated() { scratch[offset] = lowered(bytes[index]) }
                    scratch[host.count] = 0
                    scratch.baseAddress.map { base in
                        guard let source = target.baseAddress else { return }
                        (base + host.count + 1).copyMemory(from: source, byteCount: target.count)
                    }
                    return Keccak256.hash(UnsafeRawBufferPointer(scratch))
                }
            }
        }
    }

    /// Proves that a later presenter is the same client; nil where others may share the address.
    var addressProof: Bytes32? {
        client.isProof ? client.client.hash(key: loop.shared.addressKey) : nil
    }

    private func lowered(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
