import CNGHTTP2
import NIOCore
import NIOEmbedded

@testable import Transport

/// An HTTP/2 connection on an embedded channel, with a fixed date.
final class HTTP2Harness {
    let channel = EmbeddedChannel()
    let delegate: ScriptedDelegate
    let loop: ServerLoop
    let connection: HTTP2Connection
    let census: ConnectionCensus
    private let fields = FieldReader()

    /// - Parameter opens: Whether the client's preface and settings are sent, and our settings taken off.
    init(
        limits: ServerLimits = ServerLimits(), settings: [(UInt16, UInt32)] = [], opens: Bool = true,
        _ script: @escaping (NotingHandler) -> Void = { _ in }
    ) throws {
        delegate = ScriptedDelegate(script)
        census = ConnectionCensus(limit: 10)
        loop = ServerLoop(eventLoop: channel.eventLoop, limits: limits, delegate: delegate, census: census)
        connection = HTTP2Connection(
            loop: loop, peer: DownstreamPeer(remoteAddress: try SocketAddress(ipAddress: "127.0.0.1", port: 1)),
            isCounted: false)
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        loop.date.render(784_111_777)
        guard opens else { return }
        var writer = FrameWriter.opening(settings)
        writer.settingsAck()
        send(writer.bytes)
        _ = try frames()
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// Delivers bytes as one read event.
    func send(_ bytes: [UInt8]) {
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
        channel.pipeline.fireChannelReadComplete()
    }

    /// Delivers frames as one read event.
    func send(_ body: (inout FrameWriter) -> Void) {
        var writer = FrameWriter()
        body(&writer)
        send(writer.bytes)
    }

    /// Takes the frames that were flushed.
    func frames() throws -> [ReceivedFrame] {
        channel.embeddedEventLoop.run()
        var bytes: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        return ReceivedFrame.all(bytes)
    }

    /// Takes the frames that were flushed, in short.
    func shorts() throws -> [String] { try frames().map(\.description) }

    /// Reads a field section; sections must be read in the order they came.
    func fields(of frame: ReceivedFrame) -> [String] { fields.read(frame.payload) }

    /// Sweeps as if so much time had passed.
    func pass(_ time: TimeAmount) {
        loop.sweep.sweep(now: loop.sweep.now + time)
    }

    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    func sendEnd() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    var isOpen: Bool { channel.isActive }
    var handler: NotingHandler? { delegate.handlers.last }
}

/// Reads field sections with nghttp2's decoder, which keeps its table between them.
final class FieldReader {
    private var inflater: OpaquePointer?

    init() { nghttp2_hd_inflate_new(&inflater) }
    deinit { nghttp2_hd_inflate_del(inflater) }

    func read(_ payload: [UInt8]) -> [String] {
        var fields: [String] = []
        payload.withUnsafeBufferPointer { bytes in
            guard var next = bytes.baseAddress else { return }
            var rest = bytes.count
            while true {
                var field = nghttp2_nv()
                var flags: Int32 = 0
                let count = nghttp2_hd_inflate_hd2(inflater, &field, &flags, next, rest, 1)
                guard count >= 0 else { return }
                next += count
                rest -= count
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                    let name = String(
                        decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                    let value = String(
                        decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                    fields.append("\(name): \(value)")
                }
                if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                    nghttp2_hd_inflate_end_headers(inflater)
                    return
                }
                if count == 0, flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { return }
            }
        }
        return fields
    }
}
