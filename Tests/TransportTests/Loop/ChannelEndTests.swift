import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Transport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// How a stream channel ends and what it owes to others, whatever its loop is made of.
@Suite("The end of a stream channel", .timeLimit(.minutes(1)))
struct ChannelEndTests {
    private static let engines = LoopEngine.available

    // A channel of SwiftNIO stays open here.
    @Test(
        "what was written before the half-closure arrives, also when the peer's half is over first",
        arguments: engines.filter { $0 != .nio })
    func halves(engine: LoopEngine) async throws {
        let closed = Mutex<[String]>([])
        let notes = ChannelNotes(onRead: { context, _ in
            for _ in 0..<40 { context.write(NIOAny(ByteBuffer(repeating: 3, count: 100_000)), promise: nil) }
            context.flush()
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { result in
                if case .success = result { closed.withLock { $0.append("closed") } }
            }
            context.close(mode: .output, promise: promise)
            let late = context.eventLoop.makePromise(of: Void.self)
            late.futureResult.whenFailure { _ in closed.withLock { $0.append("late") } }
            context.writeAndFlush(NIOAny(ByteBuffer(string: "late")), promise: late)
        })
        try await withGroup(engine) { group in
            try await withListener(on: group, options: StreamOptions(allowsHalfClosure: true)) {
                try $0.pipeline.syncOperations.addHandler(notes)
            } body: { address, _ in
                try await RawPeer.connect(address, on: group) { peer in
                    try await peer.send("go")
                    await notes.until("unwritable")
                    peer.sendEnd()
                    await notes.until("input closed")
                    #expect(try await peer.drop(.max) == 4_000_000)
                }
                await notes.until("removed")
            }
        }
        #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
        #expect(closed.withLock { $0 } == ["late", "closed"])
    }

    @Test("closed by another thread while bytes stream in, it hears of nothing more", arguments: engines)
    func closeFromOutside(engine: LoopEngine) async throws {
        let held = Mutex<(any Channel)?>(nil)
        let notes = ChannelNotes()
        try await withGroup(engine) { group in
            try await withListener(on: group) { channel in
                held.withLock { $0 = channel }
                try channel.pipeline.syncOperations.addHandler(notes)
            } body: { address, _ in
                let peer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address)
                    .get()
                peer.writeAndFlush(ByteBuffer(repeating: 1, count: 8 << 20), promise: nil)
                await notes.until { $0.received.readableBytes > 100_000 }
                try await #require(held.withLock { $0 }).close()
                await notes.until("removed")
                try await peer.closeFuture.get()
            }
        }
        #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
    }

    @Test("a peer that resets fails the promises of what it did not take", arguments: engines)
    func resetWhileSending(engine: LoopEngine) async throws {
        let failures = Atomic(0)
        let notes = ChannelNotes(onRead: { context, _ in
            for _ in 0..<100 {
                let promise = context.eventLoop.makePromise(of: Void.self)
                promise.futureResult.whenFailure { _ in failures.add(1, ordering: .relaxed) }
                context.write(NIOAny(ByteBuffer(repeating: 1, count: 100_000)), promise: promise)
            }
            context.flush()
        })
        try await withGroup(engine) { group in
            try await withListener(on: group, options: StreamOptions(allowsHalfClosure: true)) {
                try $0.pipeline.syncOperations.addHandler(notes)
            } body: { address, _ in
                let peer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .channelOption(.autoRead, value: false).connect(to: address).get()
                let linger = linger(l_onoff: 1, l_linger: 0)
                try await #require(peer as? any SocketOptionProvider).setSoLinger(linger).get()
                try await peer.writeAndFlush(ByteBuffer(string: "go"))
                await notes.until("unwritable")
                try await peer.close()
                await notes.until("removed")
            }
        }
        #expect(failures.load(ordering: .relaxed) > 10)
        #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
    }

    @Test("what is written before there is a connection is sent once there is", arguments: engines)
    func earlyWrite(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            try await RawServer.run(on: group) { server in
                let channel = try await StreamSockets.connect(
                    to: server.address, on: group.next(), timeout: .seconds(50), options: StreamOptions()
                ) { $0.writeAndFlush(ByteBuffer(string: "early."), promise: nil) }.get()
                try await RawPeer.serve(try await server.accept()) { peer in
                    let text = try await peer.read(through: ".")
                    #expect(text == "early.")
                }
                try await channel.closeFuture.get()
            }
        }
    }

    /// Gives back what it reads, but for bytes that begin with a hash.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            if bytes.readableBytesView.first != UInt8(ascii: "#") { context.writeAndFlush(data, promise: nil) }
        }
    }

    /// Sends without an end.
    private final class Flood: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let bytes = ByteBuffer(repeating: UInt8(ascii: "#"), count: 200_000)

        func channelActive(context: ChannelHandlerContext) { pour(context) }
        func channelWritabilityChanged(context: ChannelHandlerContext) { pour(context) }

        private func pour(_ context: ChannelHandlerContext) {
            while context.channel.isActive, context.channel.isWritable {
                context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
                // What the kernel took at once leaves the channel writable.
                if context.channel.isWritable { return again(context) }
            }
        }

        private func again(_ context: ChannelHandlerContext) {
            context.eventLoop.assumeIsolated().execute { self.pour(context) }
        }
    }

    @Test("one that sends without an end keeps neither others nor timers waiting", arguments: engines)
    func fairness(engine: LoopEngine) async throws {
        let flooders = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await withGroup(engine) { group in
            try await withListener(on: group) {
                try $0.pipeline.syncOperations.addHandler(Echo())
            } body: { address, _ in
                let flood = try await ClientBootstrap(group: flooders).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Flood()) }
                }.connect(to: address).get()
                for number in 0..<20 {
                    try await RawPeer.connect(address, on: group) { peer in
                        try await peer.send("<\(number)>")
                        #expect(try await peer.read(through: ">") == "<\(number)>")
                    }
                    try await group.next().scheduleTask(in: .microseconds(100)) {}.futureResult.get()
                }
                #expect(flood.isActive)
                try await flood.close()
            }
        }
        try await flooders.shutdownGracefully()
    }
}
