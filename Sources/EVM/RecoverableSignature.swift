package import Primitives

/// An ECDSA signature from which the signer's key can be recovered.
///
/// Whatever `parse` returns has `0 < r < n` and `0 < s ≤ n/2`.
package struct RecoverableSignature: Hashable, Sendable {
    /// The x coordinate of the nonce point.
    package let r: Bytes32
    /// The proof, in the lower half of the order.
    package let s: Bytes32
    /// The parity of the nonce point's y: 0 or 1.
    package let recoveryID: UInt8

    init(r: Bytes32, s: Bytes32, recoveryID: UInt8) {
        self.r = r
        self.s = s
        self.recoveryID = recoveryID
    }

    /// What a run of bytes turned out to be.
    package enum Parsed: Hashable, Sendable {
        /// A signature that may be checked.
        case signature(RecoverableSignature)
        /// `s` above half the order: FiatToken refuses it, and it would be a second form of one payment.
        case highS
        /// A last byte other than 0, 1, 27 or 28.
        case badV
        /// Neither 64 nor 65 bytes; perhaps a contract wallet's.
        case wrongLength
        /// `r` or `s` zero, or `r` not below the order.
        case outOfRange
    }

    /// The order of the group, n (SEC 2 §2.4.1).
    static var order: UInt256 {
        UInt256(highToLow: 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFE, 0xBAAE_DCE6_AF48_A03B, 0xBFD2_5E8C_D036_4141)
    }

    /// The largest `s` that Ethereum's contracts accept, ⌊n/2⌋ (EIP-2).
    static var halfOrder: UInt256 {
        UInt256(highToLow: 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x5D57_6E73_57A4_501D, 0xDFE9_2F46_681B_20A0)
    }

    /// Reads r ‖ s ‖ v with v of 0, 1, 27 or 28, or the 64 bytes of EIP-2098.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        guard bytes.count == 64 || bytes.count == 65 else { return .wrongLength }
        let r = Bytes32(UnsafeRawBufferPointer(rebasing: bytes[0..<32]))
        let s = Bytes32(UnsafeRawBufferPointer(rebasing: bytes[32..<64]))
        guard bytes.count == 65 else { return parseCompact(r: r, parityAndS: s) }
        switch bytes[64] {
        case 0, 27: return checked(r: r, s: s, recoveryID: 0)
        case 1, 28: return checked(r: r, s: s, recoveryID: 1)
        default: return .badV
        }
    }

    /// Splits the parity from the top bit of s (EIP-2098).
    private static func parseCompact(r: Bytes32, parityAndS: Bytes32) -> Parsed {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
            parityAndS.withBytes { bytes.copyMemory(from: $0) }
            let parity = bytes[0] >> 7
            bytes[0] &= 0x7F
            return checked(r: r, s: Bytes32(UnsafeRawBufferPointer(bytes)), recoveryID: parity)
        }
    }

    private static func checked(r: Bytes32, s: Bytes32, recoveryID: UInt8) -> Parsed {
        let rValue = r.withBytes { UInt256(bigEndian: $0) }
        let sValue = s.withBytes { UInt256(bigEndian: $0) }
        guard sValue <= halfOrder else { return .highS }
        guard rValue != .zero, sValue != .zero, rValue < order else { return .outOfRange }
        return .signature(RecoverableSignature(r: r, s: s, recoveryID: recoveryID))
    }

    /// The last byte as contracts want it, 27 or 28.
    package var v: UInt8 { 27 + recoveryID }

    /// r ‖ s ‖ v with v of 27 or 28.
    package var bytes65: [UInt8] {
        r.bytes + s.bytes + [v]
    }
}
