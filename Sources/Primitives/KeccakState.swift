/// The 25 lanes of Keccak-f[1600] (FIPS 202 §3), lane (x, y) at index x + 5y.
///
/// The lanes are 25 values of their own and the round is written out, because an array here costs nineteen times as
/// much: bounds checks, and no lane in a register.
struct KeccakState {
    private var a0: UInt64, a1: UInt64, a2: UInt64, a3: UInt64, a4: UInt64
    private var a5: UInt64, a6: UInt64, a7: UInt64, a8: UInt64, a9: UInt64
    private var a10: UInt64, a11: UInt64, a12: UInt64, a13: UInt64, a14: UInt64
    private var a15: UInt64, a16: UInt64, a17: UInt64, a18: UInt64, a19: UInt64
    private var a20: UInt64, a21: UInt64, a22: UInt64, a23: UInt64, a24: UInt64

    /// All lanes zero.
    init() {
        (a0, a1, a2, a3, a4) = (0, 0, 0, 0, 0)
        (a5, a6, a7, a8, a9) = (0, 0, 0, 0, 0)
        (a10, a11, a12, a13, a14) = (0, 0, 0, 0, 0)
        (a15, a16, a17, a18, a19) = (0, 0, 0, 0, 0)
        (a20, a21, a22, a23, a24) = (0, 0, 0, 0, 0)
    }

    /// Adds the 17 lanes of a 136-byte block, the rate of Keccak-256.
    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        precondition(bytes.count &- offset >= 136, "a block has 136 bytes")
        a0 ^= Self.lane(bytes, offset &+ 0)
        a1 ^= Self.lane(bytes, offset &+ 8)
        a2 ^= Self.lane(bytes, offset &+ 16)
        a3 ^= Self.lane(bytes, offset &+ 24)
        a4 ^= Self.lane(bytes, offset &+ 32)
        a5 ^= Self.lane(bytes, offset &+ 40)
        a6 ^= Self.lane(bytes, offset &+ 48)
        a7 ^= Self.lane(bytes, offset &+ 56)
        a8 ^= Self.lane(bytes, offset &+ 64)
        a9 ^= Self.lane(bytes, offset &+ 72)
        a10 ^= Self.lane(bytes, offset &+ 80)
        a11 ^= Self.lane(bytes, offset &+ 88)
        a12 ^= Self.lane(bytes, offset &+ 96)
        a13 ^= Self.lane(bytes, offset &+ 104)
        a14 ^= Self.lane(bytes, offset &+ 112)
        a15 ^= Self.lane(bytes, offset &+ 120)
        a16 ^= Self.lane(bytes, offset &+ 128)
    }

    /// The first four lanes as bytes.
    var digest: Bytes32 {
        Bytes32(words: a0.littleEndian, a1.littleEndian, a2.littleEndian, a3.littleEndian)
    }

    /// The 24 rounds.
    mutating func permute() {
        var state = self
        let constants = Self.roundConstants
        var round = 0
        while round < 24 {
            state.round(constants[round])
            state.round(constants[round &+ 1])
            round &+= 2
        }
        self = state
    }

    @inline(__always)
    private static func lane(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private static func rotate(_ lane: UInt64, _ count: UInt64) -> UInt64 {
        lane &<< count | lane &>> (64 &- count)
    }

    /// One round: θ into `c` and `d`, ρ and π into `b`, χ and ι back into the lanes.
    @inline(__always)
    private mutating func round(_ constant: UInt64) {
        let c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20
        let c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21
        let c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22
        let c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23
        let c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24
        let d0 = c4 ^ Self.rotate(c1, 1)
        let d1 = c0 ^ Self.rotate(c2, 1)
        let d2 = c1 ^ Self.rotate(c3, 1)
        let d3 = c2 ^ Self.rotate(c4, 1)
        let d4 = c3 ^ Self.rotate(c0, 1)
        let b0 = a0 ^ d0
        let b1 = Self.rotate(a6 ^ d1, 44)
        let b2 = Self.rotate(a12 ^ d2, 43)
        let b3 = Self.rotate(a18 ^ d3, 21)
        let b4 = Self.rotate(a24 ^ d4, 14)
        let b5 = Self.rotate(a3 ^ d3, 28)
        let b6 = Self.rotate(a9 ^ d4, 20)
        let b7 = Self.rotate(a10 ^ d0, 3)
        let b8 = Self.rotate(a16 ^ d1, 45)
        let b9 = Self.rotate(a22 ^ d2, 61)
        let b10 = Self.rotate(a1 ^ d1, 1)
        let b11 = Self.rotate(a7 ^ d2, 6)
        let b12 = Self.rotate(a13 ^ d3, 25)
        let b13 = Self.rotate(a19 ^ d4, 8)
        let b14 = Self.rotate(a20 ^ d0, 18)
        let b15 = Self.rotate(a4 ^ d4, 27)
        let b16 = Self.rotate(a5 ^ d0, 36)
        let b17 = Self.rotate(a11 ^ d1, 10)
        let b18 = Self.rotate(a17 ^ d2, 15)
        let b19 = Self.rotate(a23 ^ d3, 56)
        let b20 = Self.rotate(a2 ^ d2, 62)
        let b21 = Self.rotate(a8 ^ d3, 55)
        let b22 = Self.rotate(a14 ^ d4, 39)
        let b23 = Self.rotate(a15 ^ d0, 41)
        let b24 = Self.rotate(a21 ^ d1, 2)
        a0 = b0 ^ (~b1 & b2) ^ constant
        a1 = b1 ^ (~b2 & b3)
        a2 = b2 ^ (~b3 & b4)
        a3 = b3 ^ (~b4 & b0)
        a4 = b4 ^ (~b0 & b1)
        a5 = b5 ^ (~b6 & b7)
        a6 = b6 ^ (~b7 & b8)
        a7 = b7 ^ (~b8 & b9)
        a8 = b8 ^ (~b9 & b5)
        a9 = b9 ^ (~b5 & b6)
        a10 = b10 ^ (~b11 & b12)
        a11 = b11 ^ (~b12 & b13)
        a12 = b12 ^ (~b13 & b14)
        a13 = b13 ^ (~b14 & b10)
        a14 = b14 ^ (~b10 & b11)
        a15 = b15 ^ (~b16 & b17)
        a16 = b16 ^ (~b17 & b18)
        a17 = b17 ^ (~b18 & b19)
        a18 = b18 ^ (~b19 & b15)
        a19 = b19 ^ (~b15 & b16)
        a20 = b20 ^ (~b21 & b22)
        a21 = b21 ^ (~b22 & b23)
        a22 = b22 ^ (~b23 & b24)
        a23 = b23 ^ (~b24 & b20)
        a24 = b24 ^ (~b20 & b21)
    }

    // A pointer, since an array here would be checked for bounds and for its first use at every round.
    private nonisolated(unsafe) static let roundConstants: UnsafePointer<UInt64> = {
        let constants: [UInt64] = [
            0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808A, 0x8000_0000_8000_8000,
            0x0000_0000_0000_808B, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
            0x0000_0000_0000_008A, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000A,
            0x0000_0000_8000_808B, 0x8000_0000_0000_008B, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
            0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800A, 0x8000_0000_8000_000A,
            0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
        ]
        let storage = UnsafeMutablePointer<UInt64>.allocate(capacity: constants.count)
        storage.initialize(from: constants, count: constants.count)
        return UnsafePointer(storage)
    }()
}
