import Primitives
import Testing

@Suite("A time in seconds")
struct UnixTimeTests {
    @Test(
        "moves by seconds and stops at the ends",
        arguments: [
            (0, 60, 60), (1_740_672_089, -1, 1_740_672_088), (.max, 1, .max), (.max - 1, 5, .max), (.min, -1, .min),
            (.min, .max, -1),
        ] as [(Int64, Int64, Int64)])
    func adding(start: Int64, delta: Int64, end: Int64) {
        #expect(UnixTime(start).adding(seconds: delta) == UnixTime(end))
    }

    @Test("is ordered by its seconds")
    func order() {
        #expect(UnixTime(-1) < UnixTime(0))
        #expect(UnixTime(0) < UnixTime(1))
        #expect(!(UnixTime(1) < UnixTime(1)))
    }
}
