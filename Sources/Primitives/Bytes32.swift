/// 32 opaque bytes: a hash, a nonce, a key.
package struct Bytes32: Hashable, Sendable {
    // The words hold the bytes in memory order, so the value's own storage is the byte string.
    private var w0: UInt64
    private var w1: UInt64
    private var w2: UInt64
    private var w3: UInt64

    /// Thirty-two zero bytes.
    package static var zero: Bytes32 { Bytes32(words: 0, 0, 0, 0) }

    /// Takes four words whose memory is the byte string.
    init(words w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.w3 = w3
    }

    /// Copies exactly 32 bytes.
    package init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 32, "expected 32 bytes")
        self.init(
            words: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }

    /// Copies 32 bytes; nil for any other count.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self = bytes.withUnsafeBytes { Bytes32($0) }
    }

    /// Reads `0x` and 64 hexadecimal digits of any case.
    package init?(hex: UnsafeRawBufferPointer) {
        guard let digits = Hex.digits(of: hex, count: 64) else { return nil }
        self = .zero
        let valid = withUnsafeMutableBytes(of: &self) { Hex.decode(digits, into: $0) }
        guard valid else { return nil }
    }

    /// Reads `0x` and 64 hexadecimal digits of any case.
    package init?(hex: String) {
        var text = hex
        guard let value = text.withUTF8({ Bytes32(hex: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = value
    }

    /// Draws 32 bytes from a generator.
    package static func random(using generator: inout some RandomNumberGenerator) -> Bytes32 {
        Bytes32(words: generator.next(), generator.next(), generator.next(), generator.next())
    }

    /// Lends the bytes for the duration of the call.
    @inlinable
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: self, body)
    }

    /// A copy of the bytes.
    package var bytes: [UInt8] {
        withBytes { [UInt8]($0) }
    }
}

extension Bytes32: CustomStringConvertible {
    /// `0x` and 64 lower-case hexadecimal digits.
    package var description: String {
        withBytes { Hex.encode($0) }
    }
}
