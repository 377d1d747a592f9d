import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Damaged HTTP/2 connections of an upstream")
struct UpstreamHTTP2MutationTests {
    /// Frames of a server at random: mostly sound, some with bytes that are not.
    private static func frames(_ random: inout SplitMix) -> [UInt8] {
        var writer = FrameWriter()
        let stream = UInt32.random(in: 0...6, using: &random) * 2 + 1
        let ends = Bool.random(using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0...3: writer.headers(stream, [(":status", ends ? "204" : "200")], ends: ends)
        case 4: writer.headers(stream, [(":status", "103")], ends: false)
        case 5...7: writer.data(stream, "some bytes", ends: ends)
        case 8: writer.reset(stream, code: UInt32.random(in: 0...13, using: &random))
        case 9: writer.windowUpdate(ends ? 0 : stream, UInt32.random(in: 0...100, using: &random))
        case 10: writer.headers(stream, [("x-trailer", "1")])
        case 11:
            writer.settings([(UInt16.random(in: 1...6, using: &random), UInt32.random(in: 0...70_000, using: &random))])
        case 12:
            writer.frame(7, FrameWriter.word(UInt32.random(in: 0...20, using: &random)) + FrameWriter.word(0))
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
    private static func act(_ request: UpstreamRequest, _ random: inout SplitMix) {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: request.writeBody(ByteBuffer(repeating: 0x61, count: Int.random(in: 1...40_000, using: &random)))
        case 1: request.end(trailers: ByteBuffer(string: "a: b\r\n"))
        case 2, 3: request.pause()
        case 4, 5: request.resume()
        default: if Bool.random(using: &random) { request.cancel() }
        }
    }

    private static func isEnd(_ event: String) -> Bool { event.hasPrefix("end") || event.hasPrefix("failed") }

    @Test(
        "whatever an upstream sends, every request ends once and nothing stays behind",
        arguments: [UInt64.random(in: 0 ... .max), 3, 91])
    func everythingEnds(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<60 {
            let upstream = try UpstreamHarness.http2 { $0.http2.maxStreams = 5 }
            var handlers: [NotingResponse] = []
            var attempted = 0
            for _ in 0..<40 {
                if Bool.random(using: &random) {
                    let body: RequestBody =
                        [.none, .none, .stream, .length(70_000)].randomElement(using: &random) ?? .none
                    handlers.append(
                        try upstream.start(.post, body: body, isIdempotent: Bool.random(using: &random)))
                }
                if let attempt = upstream.attempts.last, upstream.attempts.count > attempted {
                    attempted = upstream.attempts.count
                    if Int.random(in: 0..<8, using: &random) == 0 {
                        attempt.promise.fail(ChannelError.eof)
                        continue
                    }
                    try upstream.open(speaking: .http2)
                    attempt.send { $0.settings() }
                }
                if let attempt = upstream.attempts.filter(\.isOpen).randomElement(using: &random) {
                    for piece in random.pieces(Self.frames(&random), longest: 40) { attempt.send(piece) }
                    if Int.random(in: 0..<20, using: &random) == 0 { attempt.setWritable(Bool.random(using: &random)) }
                    if Int.random(in: 0..<40, using: &random) == 0 { attempt.sendEnd() }
                    _ = try attempt.frames()
                }
                if let request = handlers.randomElement(using: &random)?.request { Self.act(request, &random) }
                if Int.random(in: 0..<30, using: &random) == 0 { try upstream.pass(.seconds(20)) }
            }
            try Self.finish(upstream, handlers, seed)
        }
    }

    private static func finish(_ upstream: UpstreamHarness, _ handlers: [NotingResponse], _ seed: UInt64) throws {
        try upstream.pool.close()
        for attempt in upstream.attempts {
            if attempt.channel == nil { attempt.promise.fail(ChannelError.eof) } else { attempt.sendEnd() }
        }
        // What waits for a client that does not read is all that is left.
        for handler in handlers { handler.request?.resume() }
        upstream.loop.run()
        #expect(try upstream.pool.activeCount == 0, "seed \(seed)")
        #expect(try upstream.pool.waitingCount == 0, "seed \(seed)")
        #expect(try upstream.pool.sweep.count == 0, "seed \(seed)")
        for handler in handlers {
            #expect(handler.events.filter(isEnd).count <= 1, "seed \(seed): \(handler.events)")
            #expect(handler.request?.isActive != true, "seed \(seed): \(handler.events)")
        }
    }
}
