import Primitives
import Testing

@testable import EVM

@Suite("A recoverable signature")
struct RecoverableSignatureTests {
    @Test("is read from each of its forms as the same one", arguments: Vectors.transfers)
    func forms(vector: Vectors.Transfer) throws {
        let signature = try signature(vector.signature)
        #expect(signature.r.description == vector.r)
        #expect(signature.s.description == vector.s)
        #expect(signature.v == vector.v)
        #expect(signature.recoveryID == vector.v - 27)
        #expect(Hex.encode(signature.bytes65) == vector.signature)
        #expect(try parse(vector.signatureV01) == .signature(signature))
        #expect(try parse(vector.signatureEIP2098) == .signature(signature))
    }

    @Test("is refused with s in the upper half", arguments: Vectors.transfers)
    func highS(vector: Vectors.Transfer) throws {
        #expect(try parse(vector.signatureHighS) == .highS)
    }

    @Test("may have s at half the order and not one above")
    func halfOrder() throws {
        let half = RecoverableSignature.halfOrder
        let vectors = try #require(Vectors.shared)
        #expect(Hex.encode(half.bigEndianBytes) == vectors.halfOrder)
        #expect(half.multiplied(by: 2)?.adding(UInt256(1)) == RecoverableSignature.order)
        let above = try #require(half.adding(UInt256(1)))
        #expect(Self.accepts(r: UInt256(1), s: half))
        #expect(Self.parsed(r: UInt256(1), s: above) == .highS)
        #expect(Self.parsed(r: UInt256(1), s: .max) == .highS)
    }

    @Test("has r and s of 1 or more, and r below the order")
    func range() throws {
        let order = RecoverableSignature.order
        let largest = try #require(order.subtracting(UInt256(1)))
        #expect(Self.parsed(r: .zero, s: UInt256(1)) == .outOfRange)
        #expect(Self.parsed(r: UInt256(1), s: .zero) == .outOfRange)
        #expect(Self.parsed(r: order, s: UInt256(1)) == .outOfRange)
        #expect(Self.parsed(r: .max, s: UInt256(1)) == .outOfRange)
        #expect(Self.accepts(r: largest, s: UInt256(1)))
    }

    @Test("ends in 0, 1, 27 or 28 and nothing else")
    func lastByte() throws {
        let vector = try #require(Vectors.transfers.first)
        let bytes = try #require(Hex.decode(vector.signature))
        for last in UInt8.min...UInt8.max {
            let parsed = (bytes.dropLast() + [last]).withUnsafeBytes { RecoverableSignature.parse($0) }
            guard [0, 1, 27, 28].contains(last) else {
                #expect(parsed == .badV, "last byte \(last)")
                continue
            }
            guard case .signature(let signature) = parsed else {
                Issue.record("last byte \(last) was refused")
                continue
            }
            #expect(signature.recoveryID == (last == 1 || last == 28 ? 1 : 0))
        }
    }

    @Test("has 64 or 65 bytes", arguments: [0, 1, 32, 63, 66, 96, 320])
    func length(count: Int) {
        let bytes = [UInt8](repeating: 1, count: count)
        #expect(bytes.withUnsafeBytes { RecoverableSignature.parse($0) } == .wrongLength)
    }

    private static func parsed(r: UInt256, s: UInt256) -> RecoverableSignature.Parsed {
        (r.bigEndianBytes + s.bigEndianBytes + [27]).withUnsafeBytes { RecoverableSignature.parse($0) }
    }

    private static func accepts(r: UInt256, s: UInt256) -> Bool {
        if case .signature = parsed(r: r, s: s) { true } else { false }
    }
}
