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

/// What every stream channel must do, whatever its loop is made of.
@Suite("A stream channel", .timeLimit(.minutes(1)))
struct ChannelConformanceTests {
    private static let engines = LoopEngine.available

    /// A server under test, with the notes of its one connection.
    private func serve(
        _ engine: LoopEngine, _ notes: ChannelNotes, options: StreamOptions = StreamOptions(allowsHalfClosure: true),
        unix: Bool = false, _ body: (SocketAddress, any EventLoopGroup) async throws -> Void
    ) async throws {
        try await withGroup(engine) { group in
            try await withListener(on: group, unix: unix, options: options) {
                try $0.pipeline.syncOperations.addHandler(notes)
            } body: { address, _ in
                try await body(address, group)
            }
        }
    }

    /// Everything that a loop was about to do has been done.
    private func barrier(_ group: any EventLoopGroup) async throws {
        for _ in 0..<5 { try await group.next().submit {}.get() }
    }

    @Test("its handler hears of start, bytes and half-closure in order", arguments: engines, [false, true])
    func order(engine: LoopEngine, unix: Bool) async throws {
        let notes = ChannelNotes(onEvent: { context, event in
            if event == "input closed" { context.close(promise: nil) }
        })
        try await serve(engine, notes, unix: unix) { address, group in
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("hello")
                await notes.until("complete")
                peer.sendEnd()
                #expect(try await peer.readToEnd() == "")
            }
            await notes.until("removed")
            #expect(
                notes.events == [
                    "added", "registered", "active", "read hello", "complete", "complete", "input closed", "inactive",
                    "unregistered", "removed",
                ])
        }
    }

    @Test("without half-closure the end of input is the end", arguments: engines)
    func fullClosure(engine: LoopEngine) async throws {
        let notes = ChannelNotes()
        try await serve(engine, notes, options: StreamOptions()) { address, group in
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("hello")
                peer.sendEnd()
                #expect(try await peer.readToEnd() == "")
            }
            await notes.until("removed")
            #expect(String(buffer: notes.received) == "hello")
            #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
            #expect(!notes.events.contains("input closed"))
        }
    }

    @Test("a peer that resets ends the channel, and what it sent before is told", arguments: engines)
    func reset(engine: LoopEngine) async throws {
        let notes = ChannelNotes()
        try await serve(engine, notes) { address, _ in
            let peer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address)
                .get()
            let linger = linger(l_onoff: 1, l_linger: 0)
            try await #require(peer as? any SocketOptionProvider).setSoLinger(linger).get()
            try await peer.writeAndFlush(ByteBuffer(string: "hello"))
            await notes.until("read hello")
            try await peer.close()
            await notes.until("removed")
            #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
        }
    }

    @Test("nothing is read while reading is off; nothing is lost by it", arguments: engines, [false, true])
    func pause(engine: LoopEngine, unix: Bool) async throws {
        let count = 3 << 20
        let held = Mutex<(any Channel)?>(nil)
        let notes = ChannelNotes(
            onRead: { context, _ in
                held.withLock { $0 = context.channel }
                try? context.channel.syncOptions?.setOption(.autoRead, value: false)
            },
            onEvent: { context, event in if event == "input closed" { context.close(promise: nil) } })
        try await serve(engine, notes, unix: unix) { address, group in
            let peer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address)
                .get()
            let sent = peer.eventLoop.makePromise(of: Void.self)
            peer.writeAndFlush(ByteBuffer(repeating: 7, count: count), promise: sent)
            await notes.until { $0.received.readableBytes > 0 }
            let channel = try #require(held.withLock { $0 })
            var before = 0
            while notes.received.readableBytes < count {
                try await barrier(group)
                let after = notes.received.readableBytes
                #expect(after - before <= 64 << 10)
                before = after
                try await channel.setOption(.autoRead, value: true).get()
                await notes.until { $0.received.readableBytes > after }
            }
            try await sent.futureResult.get()
            try await channel.setOption(.autoRead, value: true).get()
            try await peer.close()
            await notes.until("removed")
            #expect(notes.received.readableBytes == count)
            #expect(notes.largest <= 64 << 10)
        }
    }

    @Test("it is unwritable between the water marks, and bytes arrive in order", arguments: engines, [false, true])
    func writability(engine: LoopEngine, unix: Bool) async throws {
        let pieces = 400
        let promises = Atomic(0)
        let notes = ChannelNotes(
            onRead: { context, _ in
                for number in 0..<pieces {
                    let promise = context.eventLoop.makePromise(of: Void.self)
                    promise.futureResult.whenSuccess { promises.add(1, ordering: .relaxed) }
                    context.write(NIOAny(ByteBuffer(repeating: UInt8(number % 251), count: 20_000)), promise: promise)
                }
                context.flush()
                let unsent = try? context.channel.syncOptions?.getOption(
                    ChannelOptions.Types.BufferedWritableBytesOption())
                #expect(unsent ?? 0 > 1 << 20)
                #expect(!context.channel.isWritable)
            },
            onEvent: { context, event in
                if event == "writable" { context.close(mode: .output, promise: nil) }
            })
        let options = StreamOptions(allowsHalfClosure: true, writeBufferLow: 10_000, writeBufferHigh: 50_000)
        try await serve(engine, notes, options: options, unix: unix) { address, group in
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("go")
                await notes.until("unwritable")
                for number in 0..<pieces {
                    let piece = try await peer.take(20_000)
                    #expect(piece == ByteBuffer(repeating: UInt8(number % 251), count: 20_000))
                }
                #expect(try await peer.readToEnd() == "")
                peer.sendEnd()
            }
            await notes.until("removed")
            #expect(promises.load(ordering: .relaxed) == pieces)
            #expect(notes.events.filter { $0 == "unwritable" || $0 == "writable" } == ["unwritable", "writable"])
            #expect(notes.events.contains("output closed"))
        }
    }

    @Test("a handler that closes while it reads hears nothing more, and its writes fail", arguments: engines)
    func closeInRead(engine: LoopEngine) async throws {
        let failures = Atomic(0)
        let notes = ChannelNotes(onRead: { context, bytes in
            let promise = context.eventLoop.makePromise(of: Void.self)
            context.write(NIOAny(bytes), promise: promise)
            context.close(promise: nil)
            let late = context.eventLoop.makePromise(of: Void.self)
            context.writeAndFlush(NIOAny(bytes), promise: late)
            for future in [promise.futureResult, late.futureResult] {
                future.whenFailure { _ in failures.add(1, ordering: .relaxed) }
            }
        })
        try await serve(engine, notes) { address, group in
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("hello")
                #expect((try? await peer.readToEnd()) ?? "" == "")
            }
            await notes.until("removed")
            #expect(
                notes.events == ["added", "registered", "active", "read hello", "inactive", "unregistered", "removed"])
            #expect(failures.load(ordering: .relaxed) == 2)
        }
    }

    @Test("an answer is read although sending to its server fails", arguments: engines)
    func answerBeforeReset(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            try await RawServer.run(on: group) { server in
                let notes = ChannelNotes()
                let channel = try await StreamSockets.connect(
                    to: server.address, on: group.next(), timeout: .seconds(5), options: StreamOptions()
                ) { try $0.pipeline.syncOperations.addHandler(notes) }.get()
                try await RawPeer.serve(try await server.accept()) { peer in
                    channel.writeAndFlush(ByteBuffer(repeating: 1, count: 4 << 20), promise: nil)
                    _ = try await peer.drop(1000)
                    try await peer.send("refused")
                    await notes.until("read refused")
                }
                try await channel.closeFuture.get()
                await notes.until("removed")
            }
        }
    }

    @Test("a refused connection fails its future and its handlers leave", arguments: engines)
    func refused(engine: LoopEngine) async throws {
        let free = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(free.localAddress)
        try await free.close()
        try await withGroup(engine) { group in
            let notes = ChannelNotes()
            await #expect(throws: (any Error).self) {
                _ = try await StreamSockets.connect(
                    to: address, on: group.next(), timeout: .seconds(5), options: StreamOptions()
                ) { try $0.pipeline.syncOperations.addHandler(notes) }.get()
            }
            await notes.until("removed")
            #expect(!notes.events.contains("active"))
        }
    }

    @Test("a connection that does not come about in time fails", arguments: engines)
    func connectTimeout(engine: LoopEngine) async throws {
        // A queue that is full lets the system drop what comes; nobody accepts here.
        let full = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 0).serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(full.localAddress)
        try await withGroup(engine) { group in
            var waiting: [any Channel] = []
            var outcome: (any Error)?
            for _ in 0..<8 where outcome == nil {
                do {
                    waiting.append(
                        try await StreamSockets.connect(
                            to: address, on: group.next(), timeout: .milliseconds(200), options: StreamOptions()
                        ) { _ in }.get())
                } catch {
                    outcome = error
                }
            }
            #expect(outcome.map(UpstreamConnector.failure) == .connectTimeout)
            try await closeWhileConnecting(to: address, on: group)
            for channel in waiting { try await channel.close() }
        }
        try await full.close()
    }

    private func closeWhileConnecting(to address: SocketAddress, on group: any EventLoopGroup) async throws {
        let held = Mutex<(any Channel)?>(nil)
        let notes = ChannelNotes()
        let future = StreamSockets.connect(
            to: address, on: group.next(), timeout: .hours(1), options: StreamOptions()
        ) { channel in
            held.withLock { $0 = channel }
            try channel.pipeline.syncOperations.addHandler(notes)
        }
        try await barrier(group)
        try await #require(held.withLock { $0 }).close()
        await #expect(throws: (any Error).self) { _ = try await future.get() }
        await notes.until("removed")
        #expect(!notes.events.contains("active"))
    }

    @Test("a host is found by its name", arguments: engines)
    func byName(engine: LoopEngine) async throws {
        let notes = ChannelNotes()
        try await serve(engine, notes) { address, group in
            let port = try #require(address.port)
            let channel = try await StreamSockets.connect(
                host: "localhost", port: port, on: group.next(), timeout: .seconds(50), options: StreamOptions()
            ) { _ in }.get()
            await notes.until("active")
            try await channel.close()
        }
    }

    @Test("many connections come and go on several loops, and none is left", arguments: engines, [false, true])
    func many(engine: LoopEngine, unix: Bool) async throws {
        try await withGroup(engine, threads: 2) { group in
            let opened = Atomic(0)
            let closings = Mutex<[EventLoopFuture<Void>]>([])
            let loops = Mutex<Set<ObjectIdentifier>>([])
            let sockets = Mutex<[SocketIdentity]>([])
            try await withListener(on: group, unix: unix) { channel in
                opened.add(1, ordering: .relaxed)
                loops.withLock { _ = $0.insert(ObjectIdentifier(channel.eventLoop)) }
                closings.withLock { $0.append(channel.closeFuture) }
                sockets.withLock { $0 += SocketIdentity(of: channel).map { [$0] } ?? [] }
                try channel.pipeline.syncOperations.addHandler(
                    ChannelNotes(onRead: { $0.writeAndFlush(NIOAny($1), promise: nil) }))
            } body: { local, _ in
                try await exchange(20, times: 15, with: local, group)
            }
            #expect(opened.load(ordering: .relaxed) == 300)
            #expect(loops.withLock(\.count) == 2)
            for closing in closings.withLock({ $0 }) { try await closing.get() }
            #expect(sockets.withLock { $0.filter(\.isOpen) } == [])
        }
    }

    /// Lets so many peers at once ask again and again, each time on a connection of its own.
    private func exchange(
        _ peers: Int, times: Int, with address: SocketAddress, _ group: any EventLoopGroup
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for worker in 0..<peers {
                tasks.addTask {
                    for number in 0..<times {
                        try await RawPeer.connect(address, on: group) { peer in
                            try await peer.send("<\(worker):\(number)>")
                            #expect(try await peer.read(through: ">") == "<\(worker):\(number)>")
                        }
                    }
                }
            }
            try await tasks.waitForAll()
        }
    }

    @Test("a listener that does not read accepts nobody until it does", arguments: engines)
    func acceptPause(engine: LoopEngine) async throws {
        let notes = ChannelNotes()
        try await withGroup(engine) { group in
            try await withListener(on: group) {
                try $0.pipeline.syncOperations.addHandler(notes)
            } body: { address, server in
                try await server.setOption(.autoRead, value: false).get()
                try await RawPeer.connect(address, on: group) { peer in
                    try await barrier(group)
                    #expect(notes.events.isEmpty)
                    try await server.setOption(.autoRead, value: true).get()
                    await notes.until("active")
                    _ = peer
                }
            }
        }
    }
}
