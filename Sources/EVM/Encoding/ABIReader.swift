package import Primitives

/// Reads values of the contract ABI where they stand; nil wherever the bytes do not hold them.
///
/// Positions are words counted from the start of the tuple that is read. Nothing a contract returns can trap.
package struct ABIReader: Sendable {
    private let bytes: [UInt8]
    /// Where the tuple begins, from which its offsets count.
    private let base: Int

    /// Reads a whole answer or call.
    package init(_ bytes: [UInt8]) {
        self.init(bytes, base: 0)
    }

    private init(_ bytes: [UInt8], base: Int) {
        self.bytes = bytes
        self.base = base
    }

    /// The word at a position.
    package func word(_ index: Int) -> Bytes32? {
        guard let start = start(ofWord: index) else { return nil }
        return bytes.withUnsafeBytes { Bytes32(UnsafeRawBufferPointer(rebasing: $0[start..<(start + 32)])) }
    }

    /// The integer at a position.
    package func integer(_ index: Int) -> UInt256? {
        word(index)?.withBytes { UInt256(bigEndian: $0) }
    }

    /// The address at a position; its twelve leading bytes must be zero.
    package func address(_ index: Int) -> Address? {
        word(index)?.address
    }

    /// The truth value at a position; anything but 0 and 1 is none.
    package func bool(_ index: Int) -> Bool? {
        switch integer(index)?.uint64 {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// The dynamic bytes whose offset stands at a position; what pads them to whole words is not looked at.
    package func dynamicBytes(_ index: Int) -> [UInt8]? {
        guard let (count, start) = counted(index), count <= bytes.count - start else { return nil }
        return Array(bytes[start..<(start + count)])
    }

    /// The text whose offset stands at a position; bytes that are no UTF-8 are replaced.
    package func text(_ index: Int) -> String? {
        dynamicBytes(index).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The dynamic tuple whose offset stands at a position.
    package func tuple(_ index: Int) -> ABIReader? {
        offset(index).map { ABIReader(bytes, base: $0) }
    }

    /// The array whose offset stands at a position: how many elements, and the tuple of their heads.
    ///
    /// Every element has at least one word of head, so the count is never more than the bytes hold.
    package func array(_ index: Int) -> (count: Int, elements: ABIReader)? {
        guard let (count, start) = counted(index), count <= (bytes.count - start) / 32 else { return nil }
        return (count, ABIReader(bytes, base: start))
    }

    /// The count at the offset at a position, and where what is counted begins.
    private func counted(_ index: Int) -> (count: Int, start: Int)? {
        guard let target = offset(index), let length = ABIReader(bytes, base: target).int(0) else { return nil }
        return (length, target + 32)
    }

    private func offset(_ index: Int) -> Int? {
        guard let offset = int(index), offset <= bytes.count - base else { return nil }
        return base + offset
    }

    /// A number that can count bytes at all.
    private func int(_ index: Int) -> Int? {
        integer(index)?.uint64.flatMap { Int(exactly: $0) }
    }

    private func start(ofWord index: Int) -> Int? {
        guard index >= 0, index < (bytes.count - base) / 32 else { return nil }
        return base + 32 * index
    }
}

extension Bytes32 {
    /// The address that stands in a word after twelve zero bytes, as in a log's topic.
    package var address: Address? {
        withBytes { bytes in
            guard bytes[..<12].allSatisfy({ $0 == 0 }) else { return nil }
            return Address(UnsafeRawBufferPointer(rebasing: bytes[12...]))
        }
    }

    /// The word in which an address stands, as in a log's topic.
    package init(_ address: Address) {
        self = withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
            var writer = WordWriter(bytes)
            writer.append(address)
            return Bytes32(UnsafeRawBufferPointer(bytes))
        }
    }
}
