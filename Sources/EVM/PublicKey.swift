import CSecp256k1
import Primitives

/// A point of secp256k1 that is somebody's key.
package struct PublicKey: Hashable, Sendable {
    // libsecp256k1's own parsed form, 64 bytes; kept as it is so that a verification need not parse again.
    private let low: Bytes32
    private let high: Bytes32

    init(_ parsed: secp256k1_pubkey) {
        (low, high) = withUnsafeBytes(of: parsed) { bytes in
            (
                Bytes32(UnsafeRawBufferPointer(rebasing: bytes[0..<32])),
                Bytes32(UnsafeRawBufferPointer(rebasing: bytes[32..<64]))
            )
        }
    }

    /// The library's form.
    var parsed: secp256k1_pubkey {
        var key = secp256k1_pubkey()
        withUnsafeMutableBytes(of: &key) { bytes in
            low.withBytes { bytes.copyMemory(from: $0) }
            high.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[32...]).copyMemory(from: $0) }
        }
        return key
    }

    /// Lends x ‖ y, 64 bytes, for the duration of the call.
    package func withUncompressed<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { bytes in
            var key = parsed
            var count = 65
            secp256k1_ec_pubkey_serialize(
                Secp256k1.shared.context, Secp256k1.start(of: bytes), &count, &key,
                UInt32(SECP256K1_EC_UNCOMPRESSED))
            // SEC 1 §2.3.3 puts a byte 0x04 first, which no Ethereum form has.
            return try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[1...]))
        }
    }

    /// x ‖ y, 64 bytes.
    package var bytes: [UInt8] {
        withUncompressed { [UInt8]($0) }
    }
}
