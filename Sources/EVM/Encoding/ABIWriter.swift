package import Primitives

/// Writes a call or a tuple of the contract ABI, word after word.
///
/// Offsets of dynamic values are the caller's to count: they are few, and fixed by the function.
package struct ABIWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    /// A writer of arguments alone.
    package init() {}

    /// A writer of a call: the first four bytes of the signature's hash, then the arguments.
    package init(function signature: String) {
        bytes = Keccak256.hash(signature).withBytes { [UInt8]($0[..<4]) }
    }

    package mutating func append(_ value: Bytes32) {
        value.withBytes { bytes += $0 }
    }

    package mutating func append(_ value: UInt256) {
        bytes += value.bigEndianBytes
    }

    package mutating func append(_ value: Int) {
        precondition(value >= 0, "the ABI counts from zero")
        append(UInt256(UInt64(value)))
    }

    package mutating func append(_ value: Bool) {
        append(value ? 1 : 0)
    }

    package mutating func append(_ value: Address) {
        append(Bytes32(value))
    }

    /// The count, the bytes, and zeros to a whole word.
    package mutating func append(counted value: [UInt8]) {
        append(value.count)
        bytes += value
        bytes += repeatElement(0, count: Self.padding(value.count))
    }

    /// The bytes that `append(counted:)` writes for that many.
    package static func size(counted count: Int) -> Int {
        32 + count + padding(count)
    }

    private static func padding(_ count: Int) -> Int {
        (32 - count % 32) % 32
    }
}
