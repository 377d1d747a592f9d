import NIOCore
import NIOEmbedded
import Transport

/// A client's connection to a server in memory, and what came of its requests.
final class HTTP2Client {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let channel = EmbeddedChannel()
    private let server: ChannelServer
    private let delegate: FuzzedDelegate
    private let isAnswered: Bool
    private var chance: Chance
    private var received = FrameTranscript()
    private var fault: String?

    var exchanges: [FuzzedExchange] { delegate.exchanges }

    /// - Parameter isAnswered: Whether requests are answered, and the connection disturbed, at random.
    init(seed: UInt8, isAnswered: Bool) throws {
        self.isAnswered = isAnswered
        chance = Chance(seed: seed)
        delegate = FuzzedDelegate(accepts: !isAnswered)
        var limits = ServerLimits()
        if isAnswered {
            limits.http2.maxStreams = 4
            limits.http2.maxControlFrames = 40
            limits.http2.streamWindow = 1024
            limits.http2.streamBufferLow = 512
            limits.http2.streamBufferHigh = 2048
            limits.http2.connectionBuffer = 4096
            limits.maxBodyBytes = 512
        } else {
            limits.http2.maxStreams = 10_000
        }
        server = ChannelServer(eventLoop: channel.eventLoop, limits: limits, delegate: delegate)
        try server.serve(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Sends the preface and these frames in pieces of the lengths that `next` gives.
    func send(_ frames: [UInt8], _ next: () -> Int) {
        var rest = (Self.preface + frames)[...]
        while !rest.isEmpty, channel.isActive {
            let piece = rest.prefix(max(1, next()))
            rest = rest.dropFirst(piece.count)
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: piece))
            channel.pipeline.fireChannelReadComplete()
            if isAnswered { disturb() }
            receive()
        }
    }

    /// Closes the connection; returns what did not hold.
    func end() -> String? {
        receive()
        _ = try? channel.finish(acceptAlreadyClosed: true)
        channel.embeddedEventLoop.run()
        if server.left != (0, 0) { return "left behind: \(server.left), open: \(channel.isActive)" }
        return fault ?? exchanges.lazy.compactMap(\.fault).first
    }

    /// Says if an exchange that nobody answered heard of no end.
    var unended: String? { exchanges.allSatisfy(\.isClosed) ? nil : "an exchange without an end" }

    private func disturb() {
        if let exchange = exchanges.randomElement(using: &chance) { exchange.act(&chance) }
        switch chance.next() & 63 {
        case 0:
            channel.isWritable.toggle()
            channel.pipeline.fireChannelWritabilityChanged()
        case 1: server.pass(.seconds(Int64(chance.next() & 127)))
        case 2: server.drain()
        case 3: channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        default: break
        }
    }

    private func receive() {
        channel.embeddedEventLoop.run()
        while let piece = try? channel.readOutbound(as: ByteBuffer.self) {
            fault = fault ?? received.take(piece)
        }
    }
}

/// Frames of a server, of which none may come too late (RFC 9113 §5.1).
private struct FrameTranscript {
    private enum End { case stream, reset }

    private var bytes = ByteBuffer()
    private var ends: [UInt32: End] = [:]
    private var isFirst = true

    /// Takes bytes; returns what is wrong with the frames that they complete.
    mutating func take(_ piece: ByteBuffer) -> String? {
        bytes.writeImmutableBuffer(piece)
        while let start = bytes.getInteger(at: bytes.readerIndex, as: UInt64.self), bytes.readableBytes >= 9 {
            let length = Int(start >> 40)
            guard bytes.readableBytes >= 9 + length else { return nil }
            let stream = bytes.getInteger(at: bytes.readerIndex + 5, as: UInt32.self) ?? 0
            bytes.moveReaderIndex(forwardBy: 9 + length)
            let type = UInt8(truncatingIfNeeded: start >> 32)
            if let fault = judge(type, flags: UInt8(truncatingIfNeeded: start >> 24), stream) { return fault }
        }
        bytes.discardReadBytes()
        return nil
    }

    private mutating func judge(_ type: UInt8, flags: UInt8, _ stream: UInt32) -> String? {
        if isFirst, type != 4 { return "the first frame is no SETTINGS" }
        isFirst = false
        guard stream > 0 else { return nil }
        if stream & 1 == 0 { return "a frame on a stream that no client opens" }
        switch (type, ends[stream]) {
        case (0, _?), (1, _?): return "a frame of a message behind the end of its stream"
        case (3, .reset): return "a stream is reset twice"
        case (3, _): ends[stream] = .reset
        case (0, nil), (1, nil): if flags & 1 != 0 { ends[stream] = .stream }
        default: break
        }
        return nil
    }
}

/// Random numbers, the same for the same seed.
struct Chance: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt8) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
