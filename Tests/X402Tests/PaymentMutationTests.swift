import Primitives
import Testing
import X402

@Suite("Mutated payments")
struct PaymentMutationTests {
    private static let pieces: [[UInt8]] =
        [
            "\"", "\\", "{", "}", "[", "]", ":", ",", "\\u0061", "\\ud83d", "0", "e5", "-", ".", "null", "é", "\u{0}",
            " ",
        ].map {
            Array($0.utf8)
        } + [[0x80], [0xED, 0xA0, 0x80], [0xFF]]

    private static let sources: [[UInt8]] = PaymentVector.transfers.flatMap { vector in
        [vector.v2["paymentPayloadJson"], vector.v2["PAYMENT-SIGNATURE"], vector.v1?["paymentPayloadJson"]].compactMap {
            $0.map { Array($0.utf8) }
        }
    }

    @Test("whatever is read is written and read as the same payment", arguments: [1, 2, 3, 4] as [UInt64])
    func survives(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var reader = PaymentReader()
        var payments = 0
        for round in 0..<3000 {
            let text = mutated(using: &generator)
            guard case .payment(let payment) = text.withUnsafeBytes({ reader.read($0) }) else { continue }
            payments += 1
            let written = Array(payment.headerValue().utf8)
            #expect(written.withUnsafeBytes { reader.read($0) } == .payment(payment), "seed \(seed), round \(round)")
        }
        #expect(payments > 300, "seed \(seed)")
    }

    private func mutated(using generator: inout SplitMix) -> [UInt8] {
        var text = Self.sources.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let place = Int.random(in: 0..<text.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: text.insert(contentsOf: Self.pieces.randomElement(using: &generator) ?? [], at: place)
            case 1 where text.count > 1: text.remove(at: place)
            case 2: text[place] = UInt8.random(in: 0...255, using: &generator)
            default: text.swapAt(place, Int.random(in: 0..<text.count, using: &generator))
            }
        }
        return text
    }
}
