import Primitives
import Testing

@Suite("Comparison in constant time")
struct ConstantTimeTests {
    @Test("finds equal what is equal, and a difference in any byte")
    func bytes() {
        let bytes = [UInt8](0..<40)
        #expect(ConstantTime.equal(bytes, bytes))
        #expect(ConstantTime.equal([], []))
        for place in bytes.indices {
            var other = bytes
            other[place] ^= 0x80
            #expect(!ConstantTime.equal(bytes, other))
        }
    }

    @Test("finds a prefix different")
    func lengths() {
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2]))
        #expect(!ConstantTime.equal([], [0]))
    }
}
