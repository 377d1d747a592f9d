import Primitives
import Testing

@testable import EVM

@Suite("A revert reason")
struct RevertReasonTests {
    @Test("is read from what was returned", arguments: ChainVectors.shared?.reverts ?? [])
    func data(vector: ChainVectors.Revert) throws {
        #expect(RevertReason(data: try bytes(vector.data)).text == vector.text)
    }

    @Test("has its vectors at hand")
    func vectors() { #expect(ChainVectors.shared?.reverts.count == 9) }

    @Test("keeps nothing that could break a log line, and no more than its limit")
    func plain() {
        #expect(RevertReason(message: "a\nb\u{1B}[31m\u{7F}\u{9B}c").text == "a b [31m  c")
        let long = RevertReason(message: String(repeating: "é", count: 200)).text
        #expect(long.utf8.count == RevertReason.maxMessageBytes)
        #expect(RevertReason(message: "").text == "reverted without a reason")
    }

    @Test("of fewer bytes than a selector is a custom one")
    func short() {
        #expect(RevertReason(data: [1, 2]) == .custom(selector: 0, data: [1, 2]))
    }

    @Test("tells panics apart", arguments: [(0x11, "panic arithmetic overflow"), (0x99, "panic of code 153")])
    func panics(code: UInt64, text: String) {
        #expect(RevertReason.panic(UInt256(code)).text == text)
        #expect(RevertReason.panic(.max).text == "panic of code \(UInt256.max)")
    }
}
