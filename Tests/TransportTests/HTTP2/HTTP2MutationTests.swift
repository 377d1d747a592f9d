import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Damaged HTTP/2 connections")
struct HTTP2MutationTests {
    /// Frames of a client at random: mostly sound, some with bytes that are not.
    private static func frames(_ random: inout SplitMix) -> [UInt8] {
        var writer = FrameWriter()
        let stream = UInt32.random(in: 0...9, using: &random) * 2 + 1
        let ends = Bool.random(using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0...3:
            writer.headers(stream, FrameWriter.request("/x", method: ends ? "GET" : "POST"), ends: ends)
        case 4, 5: writer.data(stream, "some bytes", ends: ends)
        case 6: writer.reset(stream)
        case 7: writer.windowUpdate(ends ? 0 : stream, UInt32.random(in: 0...100, using: &random))
        case 8: writer.headers(stream, [("x-trailer", "1")])
        case 9:
            writer.settings([(UInt16.random(in: 1...6, using: &random), UInt32.random(in: 0...70_000, using: &random))])
        case 10: writer.ping(ack: ends)
        default:
            let type = UInt8.random(in: 0...12, using: &random)
            let payload = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            writer.frame(type, flags: UInt8.random(in: 0...255, using: &random), stream: stream, payload)
        }
        var bytes = writer.bytes
        if Int.random(in: 0..<20, using: &random) == 0 {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        return bytes
    }

    /// Does what a handler may do, at random.
    private static func act(_ handler: NotingHandler, _ random: inout SplitMix) {
        let stream = handler.stream
        switch Int.random(in: 0..<8, using: &random) {
        case 0: stream.acceptBody()
        case 1: stream.answer("hello")
        case 2: stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
        case 3: stream.writeBody(ByteBuffer(repeating: 0x61, count: Int.random(in: 1...40_000, using: &random)))
        case 4: stream.end(trailers: ByteBuffer(string: "a: b\r\n"))
        case 5: stream.pauseBody()
        case 6: stream.resumeBody()
        default: stream.abort()
        }
    }

    @Test(
        "whatever a client sends, every exchange ends once and nothing stays behind",
        arguments: [UInt64.random(in: 0 ... .max), 5, 77])
    func everythingEnds(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<60 {
            let server = try HTTP2Harness()
            for _ in 0..<40 where server.isOpen {
                for piece in random.pieces(Self.frames(&random), longest: 40) { server.send(piece) }
                if let handler = server.delegate.handlers.randomElement(using: &random) { Self.act(handler, &random) }
                if Int.random(in: 0..<30, using: &random) == 0 { server.setWritable(!server.connection.isWritable) }
                _ = try server.frames()
                #expect(server.connection.unsent >= 0, "seed \(seed)")
                let waiting = server.connection.streams.reduce(0) { $0 + $1.source.count }
                #expect(server.connection.unsent == waiting, "seed \(seed)")
            }
            _ = try server.channel.finish(acceptAlreadyClosed: true)
            #expect(server.census.count == 0 && server.loop.sweep.count == 0, "seed \(seed)")
            for handler in server.delegate.handlers {
                let ends = handler.events.filter { $0.hasPrefix("closed") }.count
                #expect(
                    ends <= 1 && handler.events.last.map { ends == 0 || $0.hasPrefix("closed") } != false,
                    "seed \(seed)")
            }
        }
    }
}
