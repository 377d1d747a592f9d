import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Gathering TLS writes")
struct PendingTLSWritesTests {
    private func encrypted(_ sizes: [Int]) -> [Int] {
        var writes = PendingTLSWrites()
        for size in sizes { writes.append(ByteBuffer(repeating: 7, count: size), nil) }
        writes.mark()
        var calls: [Int] = []
        _ = writes.takeMarked { bytes in
            calls.append(bytes.count)
            return nil
        }
        #expect(writes.bytes == 0)
        return calls
    }

    @Test(
        "Small writes share a record, large ones stand alone",
        arguments: [
            ([], []), ([10], [10]), ([10, 20, 30], [60]), ([16_384, 1], [16_384, 1]), ([16_000, 384], [16_384]),
            ([100, 50_000, 100], [100, 50_000, 100]), ([8000, 8000, 8000], [16_000, 8000]),
        ])
    func gathers(_ sizes: [Int], _ expected: [Int]) {
        #expect(encrypted(sizes) == expected)
    }

    @Test("Only what was flushed is taken, in order")
    func respectsFlush() {
        var writes = PendingTLSWrites()
        writes.append(ByteBuffer(string: "a"), nil)
        writes.append(ByteBuffer(string: "b"), nil)
        writes.mark()
        writes.append(ByteBuffer(string: "c"), nil)
        var text = ""
        _ = writes.takeMarked { bytes in
            text += String(decoding: bytes, as: UTF8.self)
            return nil
        }
        #expect(text == "ab")
        #expect(writes.bytes == 1)
        #expect(!writes.hasMarked)
    }

    @Test("A failure fails every write that was taken, and later ones at the end")
    func failure() throws {
        let loop = EmbeddedEventLoop()
        let promises = (0..<3).map { _ in loop.makePromise(of: Void.self) }
        var writes = PendingTLSWrites()
        for promise in promises { writes.append(ByteBuffer(repeating: 1, count: 10_000), promise) }
        writes.mark()
        let result = writes.takeMarked { _ in TransportError(.tlsFailed) }
        guard case .failure(let error) = result else {
            Issue.record("no failure")
            return
        }
        #expect(error.code == .tlsFailed)
        writes.fail(error)
        for promise in promises {
            #expect(throws: TransportError.self) { try promise.futureResult.wait() }
        }
    }
}
