/// Keccak-256 as Ethereum uses it: the padding of Keccak, not that of SHA3-256.
package enum Keccak256 {
    /// The bytes absorbed per permutation.
    private static var rate: Int { 136 }

    /// The hash of one run of bytes; allocates nothing.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
        var state = KeccakState()
        var offset = 0
        while bytes.count &- offset >= rate {
            state.absorb(bytes, at: offset)
            state.permute()
            offset &+= rate
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        withUnsafeTemporaryAllocation(byteCount: rate, alignment: 8) { block in
            block.initializeMemory(as: UInt8.self, repeating: 0)
            block.copyMemory(from: rest)
            block[rest.count] = 0x01
            block[rate &- 1] |= 0x80
            state.absorb(UnsafeRawBufferPointer(block), at: 0)
        }
        state.permute()
        return state.digest
    }

    /// The hash of an array.
    package static func hash(_ bytes: [UInt8]) -> Bytes32 {
        bytes.withUnsafeBytes { hash($0) }
    }

    /// The hash of a string's UTF-8.
    package static func hash(_ text: String) -> Bytes32 {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}
