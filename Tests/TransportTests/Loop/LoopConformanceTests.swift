import NIOCore
import Synchronization
import Testing

@testable import Transport

/// What every event loop must do, whatever it is made of.
@Suite("An event loop", .timeLimit(.minutes(1)))
struct LoopConformanceTests {
    private static let engines = LoopEngine.available

    @Test("tasks run in the order in which they were added, those added meanwhile after them", arguments: engines)
    func order(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            let loop = group.next()
            let done = Mutex<[Int]>([])
            try await loop.submit {
                #expect(loop.inEventLoop)
                for number in 0..<100 {
                    loop.execute {
                        done.withLock { $0.append(number) }
                        loop.execute { done.withLock { $0.append(100 + number) } }
                    }
                }
            }.get()
            try await loop.submit {}.get()
            try await loop.submit {}.get()
            #expect(!loop.inEventLoop)
            #expect(done.withLock { $0 } == Array(0..<200))
        }
    }

    @Test("no task of any thread is lost, and each thread's come in order", arguments: engines)
    func threads(engine: LoopEngine) async throws {
        try await withGroup(engine, threads: 2) { group in
            let loop = group.next()
            let count = 5000
            let tally = Tally()
            await withTaskGroup(of: Void.self) { tasks in
                for sender in 0..<4 {
                    tasks.addTask {
                        for number in 0..<count {
                            loop.execute { tally.note(number, of: sender) }
                            // Now and then the loop gets to sleep.
                            if number % 100 == sender { try? await loop.submit {}.get() }
                        }
                    }
                }
            }
            try await loop.submit {}.get()
            #expect(tally.last == [0: count - 1, 1: count - 1, 2: count - 1, 3: count - 1])
            #expect(tally.jumps == 0)
        }
    }

    /// The last number of each sender, and how often one did not follow the one before.
    private final class Tally: Sendable {
        private let state = Mutex<(last: [Int: Int], jumps: Int)>(([:], 0))

        var last: [Int: Int] { state.withLock(\.last) }
        var jumps: Int { state.withLock(\.jumps) }

        func note(_ number: Int, of sender: Int) {
            state.withLock { state in
                if state.last[sender] ?? -1 != number - 1 { state.jumps += 1 }
                state.last[sender] = number
            }
        }
    }

    @Test("timers fire in their order and never early, from any thread", arguments: engines)
    func timers(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            let loop = group.next()
            let done = Mutex<[Int64]>([])
            let start = NIODeadline.now()
            let timers = [30, 10, 20, 0, 10].map { delay in
                loop.scheduleTask(in: .milliseconds(delay)) {
                    #expect(loop.inEventLoop)
                    #expect(.now() - start >= .milliseconds(delay))
                    done.withLock { $0.append(delay) }
                }
            }
            for timer in timers { try await timer.futureResult.get() }
            #expect(done.withLock { $0 } == [0, 10, 10, 20, 30])
        }
    }

    @Test("a cancelled timer does not fire, and its future says so", arguments: engines)
    func cancel(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            let loop = group.next()
            let fired = Atomic(0)
            let outside = loop.scheduleTask(in: .milliseconds(5)) { fired.add(1, ordering: .relaxed) }
            outside.cancel()
            let inside = try await loop.submit {
                let timer = loop.scheduleTask(in: .zero) { fired.add(1, ordering: .relaxed) }
                timer.cancel()
                return timer
            }.get()
            for timer in [outside, inside] {
                await #expect(throws: EventLoopError.cancelled) { try await timer.futureResult.get() }
            }
            try await loop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
            #expect(fired.load(ordering: .relaxed) == 0)
        }
    }

    @Test("a repeated task repeats until it is cancelled", arguments: engines)
    func repeats(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            let loop = group.next()
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            let count = Atomic(0)
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { task in
                let number = count.add(1, ordering: .relaxed).newValue
                if number == 5 {
                    task.cancel()
                    continuation.finish()
                }
            }
            for await _ in stream {}
            try await loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
            #expect(count.load(ordering: .relaxed) == 5)
        }
    }

    @Test("errors of tasks and timers come out of their futures", arguments: engines)
    func errors(engine: LoopEngine) async throws {
        struct Oops: Error {}
        try await withGroup(engine) { group in
            let loop = group.next()
            await #expect(throws: Oops.self) { try await loop.submit { throw Oops() }.get() }
            await #expect(throws: Oops.self) {
                try await loop.scheduleTask(in: .zero) { throw Oops() }.futureResult.get()
            }
        }
    }

    @Test("work that makes work does not keep a timer waiting", arguments: engines)
    func fairness(engine: LoopEngine) async throws {
        try await withGroup(engine) { group in
            let loop = group.next()
            let isOver = Atomic(false)
            @Sendable func spin() {
                if !isOver.load(ordering: .relaxed) { loop.execute(spin) }
            }
            let timer = loop.scheduleTask(in: .milliseconds(1)) { isOver.store(true, ordering: .relaxed) }
            loop.execute(spin)
            try await timer.futureResult.get()
        }
    }

    @Test("the end of a group closes its channels and fails its timers", arguments: engines)
    func end(engine: LoopEngine) async throws {
        let group = try engine.makeGroup(loops: 2)
        let loop = group.next()
        let notes = ChannelNotes()
        let ended = Mutex<[String]>([])
        loop.scheduleTask(in: .hours(1)) {}.futureResult.whenFailure { _ in ended.withLock { $0.append("timer") } }
        try await withListener(on: loop) {
            try $0.pipeline.syncOperations.addHandler(notes)
        } body: { address, server in
            server.closeFuture.whenComplete { _ in ended.withLock { $0.append("server") } }
            try await RawPeer.connect(address, on: group) { peer in
                await notes.until("active")
                try await group.shutdownGracefully()
                #expect(try await peer.readToEnd() == "")
            }
        }
        #expect(notes.events.suffix(3) == ["inactive", "unregistered", "removed"])
        #expect(ended.withLock { $0.sorted() } == ["server", "timer"])
        try await group.shutdownGracefully()
    }
}
