/// A 20-byte EVM address; equality is case-free.
package struct Address: Hashable, Sendable {
    // The words hold the bytes in memory order, so the value's own storage is the byte string.
    private var w0: UInt64
    private var w1: UInt64
    private var w2: UInt32

    /// The zero address.
    package static var zero: Address { Address() }

    private init() {
        w0 = 0
        w1 = 0
        w2 = 0
    }

    /// Copies exactly 20 bytes.
    package init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 20, "an address has 20 bytes")
        w0 = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        w1 = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        w2 = bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
    }

    /// Reads `0x` and 40 hexadecimal digits of any case; no checksum is asked for.
    package init?(hex: UnsafeRawBufferPointer) {
        guard let digits = Hex.digits(of: hex, count: 40) else { return nil }
        self.init()
        let valid = withUnsafeMutableBytes(of: &self) { Hex.decode(digits, into: $0) }
        guard valid else { return nil }
    }

    /// Reads `0x` and 40 hexadecimal digits of any case; no checksum is asked for.
    package init?(_ hex: String) {
        var text = hex
        guard let value = text.withUTF8({ Address(hex: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = value
    }

    /// Lends the bytes for the duration of the call.
    @inlinable
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: self, body)
    }
}

extension Address: CustomStringConvertible {
    /// The text with the case checksum of EIP-55.
    package var checksummed: String {
        withBytes { bytes in
            String(unsafeUninitializedCapacity: 42) { text in
                text[0] = UInt8(ascii: "0")
                text[1] = UInt8(ascii: "x")
                let digits = UnsafeMutableBufferPointer(rebasing: text[2..<42])
                Hex.encode(bytes, into: digits)
                Keccak256.hash(UnsafeRawBufferPointer(digits)).withBytes { hash in
                    for index in 0..<40 {
                        let nibble = index & 1 == 0 ? hash[index / 2] >> 4 : hash[index / 2] & 0x0F
                        if nibble >= 8, digits[index] >= UInt8(ascii: "a") { digits[index] &-= 0x20 }
                    }
                }
                return 42
            }
        }
    }

    /// `0x` and 40 lower-case digits.
    package var lowercased: String {
        withBytes { Hex.encode($0) }
    }

    /// The text with the case checksum of EIP-55.
    package var description: String {
        checksummed
    }

    /// Whether the text is an address whose case, when mixed, is that of EIP-55.
    ///
    /// Digits all of one case carry no checksum and pass.
    package static func hasValidChecksum(_ text: String) -> Bool {
        guard let address = Address(text) else { return false }
        let digits = text.utf8.dropFirst(2)
        let lower = digits.contains { $0 >= UInt8(ascii: "a") }
        let upper = digits.contains { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "F") }
        return !(lower && upper) || address.checksummed == text
    }
}
