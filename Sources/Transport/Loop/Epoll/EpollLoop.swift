#if os(Linux)
    import CEpoll
    import NIOCore
    import Synchronization

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// An event loop over epoll, on a thread of its own.
    ///
    /// One turn: the tasks that were there at its start, timers that are due, reads that were put off, then what the kernel
    /// has to say. Nothing starves: a task that adds another one is followed by a look at the sockets.
    ///
    /// Everything but the inbox and the thread's identity is touched by the loop's thread only.
    final class EpollLoop: @unchecked Sendable {
        typealias Task = () -> Void

        /// Events taken from the kernel in one turn.
        static let eventsPerTurn = 256

        let epoll: Int32
        private let wake: Int32
        private let thread = Atomic<UInt>(0)
        private let inbox = Mutex(TaskInbox())

        private var tasks: [Task] = []
        private var running: [Task] = []
        private var timers = TimerQueue()
        private var table = DescriptorTable<EpollChannel>()
        private var putOff: [EpollChannel] = []
        private var isStopping = false
        @exclusivity(unchecked) var readBuffers = ReadBuffers()

        /// Starts the thread.
        init(name: String) throws(IOError) {
            epoll = farebox_epoll_create()
            guard epoll >= 0 else { throw IOError(errnoCode: -epoll, reason: "epoll_create1") }
            wake = farebox_event_create()
            guard wake >= 0 else {
                farebox_close(epoll)
                throw IOError(errnoCode: -wake, reason: "eventfd")
            }
            var code = -farebox_epoll_add(epoll, wake, farebox_epoll_in | farebox_epoll_edge, 0)
            if code == 0 { code = start(name) }
            guard code == 0 else {
                farebox_close(wake)
                farebox_close(epoll)
                throw IOError(errnoCode: code, reason: "pthread_create")
            }
        }

        var inEventLoop: Bool { thread.load(ordering: .relaxed) == pthread_self() }

        // MARK: Tasks

        /// Takes a task from any thread; false once the loop has ended.
        func add(_ task: @escaping Task) -> Bool {
            if inEventLoop {
                tasks.append(task)
                return true
            }
            let outcome = inbox.withLock { [task = UncheckedTask(body: task)] in $0.add(task.body) }
            if outcome == .wakes { signal() }
            return outcome != .closed
        }

        /// Sets a timer going; on the loop.
        func start(_ timer: LoopTimer) {
            if isStopping {
                timer.fail(EventLoopError.shutdown)
            } else {
                timers.add(timer)
            }
        }

        /// Takes a timer out; on the loop.
        func cancel(_ timer: LoopTimer) {
            timers.cancel(timer)
        }

        // MARK: Descriptors

        /// Has the loop call `channel.ready(_:)`.
        func watch(_ channel: EpollChannel, _ events: UInt32) throws(IOError) {
            guard !isStopping else { throw IOError(errnoCode: ECANCELED, reason: "the event loop has ended") }
            let token = table.add(channel, at: channel.descriptor)
            let result = farebox_epoll_add(epoll, channel.descriptor, events, token)
            guard result == 0 else {
                table.remove(channel, at: channel.descriptor)
                throw IOError(errnoCode: -result, reason: "epoll_ctl")
            }
        }

        func change(_ channel: EpollChannel, _ events: UInt32) throws(IOError) {
            let token = table.token(of: channel.descriptor)
            let result = farebox_epoll_change(epoll, channel.descriptor, events, token)
            guard result == 0 else { throw IOError(errnoCode: -result, reason: "epoll_ctl") }
        }

        /// Forgets a descriptor, before it is closed.
        func forget(_ channel: EpollChannel) {
            guard table.remove(channel, at: channel.descriptor) else { return }
            _ = farebox_epoll_remove(epoll, channel.descriptor)
        }

        /// Has the channel go on reading in the next turn.
        func putOff(_ channel: EpollChannel) {
            putOff.append(channel)
        }

        // MARK: The thread

        private func start(_ name: String) -> Int32 {
            final class Start {
                let loop: EpollLoop
                let name: String
                init(_ loop: EpollLoop, _ name: String) { (self.loop, self.name) = (loop, name) }
            }
            var handle = pthread_t()
            let argument = Unmanaged.passRetained(Start(self, name))
            let code = pthread_create(
                &handle, nil,
                { argument in
                    guard let argument else { return nil }
                    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                    farebox_name_thread(start.name)
                    start.loop.run()
                    return nil
                }, argument.toOpaque())
            if code == 0 {
                pthread_detach(handle)
            } else {
                argument.release()
            }
            return code
        }

        private func run() {
            thread.store(pthread_self(), ordering: .relaxed)
            withUnsafeTemporaryAllocation(of: farebox_event.self, capacity: Self.eventsPerTurn) { events in
                while true {
                    runTasks()
                    runTimers()
                    readOn()
                    if isStopping, tryToEnd() { break }
                    wait(events)
                }
            }
        }

        private func runTasks() {
            inbox.withLock { $0.take(into: &tasks) }
            guard !tasks.isEmpty else { return }
            swap(&tasks, &running)
            for task in running { task() }
            running.removeAll(keepingCapacity: running.capacity <= 1024)
        }

        private func runTimers() {
            guard !timers.isEmpty else { return }
            let now = NIODeadline.now()
            // Those that come meanwhile wait for the next turn, whatever their time.
            for _ in 0..<timers.places {
                guard let timer = timers.popDue(now) else { return }
                timer.fire()
            }
        }

        private func readOn() {
            guard !putOff.isEmpty else { return }
            let channels = putOff
            putOff.removeAll(keepingCapacity: channels.count <= 1024)
            for channel in channels { channel.goOn() }
        }

        private func wait(_ events: UnsafeMutableBufferPointer<farebox_event>) {
            let mayBlock = tasks.isEmpty && putOff.isEmpty
            let timeout = mayBlock ? timers.wait(from: .now()) : 0
            let count = farebox_epoll_wait(epoll, events.baseAddress, Int32(events.count), timeout)
            guard count > 0 else { return }
            for index in 0..<Int(count) {
                let event = events[index]
                table.owner(event.token)?.ready(event.flags)
            }
        }

        private func signal() {
            // The counter is never read, as the descriptor is watched for edges; it cannot run over in a process's life.
            _ = farebox_event_signal(wake)
        }

        // MARK: The end

        /// Closes every channel, runs what is left, and calls back from the loop's thread.
        func stop(_ done: @escaping @Sendable () -> Void) {
            let isOpen = add { [self] in
                ended.append(done)
                guard !isStopping else { return }
                isStopping = true
                for channel in table.all { channel.close0(error: EventLoopError.shutdown, mode: .all, promise: nil) }
                for timer in timers.removeAll() { timer.fail(EventLoopError.shutdown) }
            }
            if !isOpen { done() }
        }

        private var ended: [@Sendable () -> Void] = []

        /// Whether nothing is left to do; no task is taken after that.
        private func tryToEnd() -> Bool {
            guard tasks.isEmpty, inbox.withLock({ $0.closeIfEmpty() }) else { return false }
            farebox_close(wake)
            farebox_close(epoll)
            thread.store(0, ordering: .relaxed)
            for done in ended { done() }
            ended = []
            return true
        }

        private struct UncheckedTask: @unchecked Sendable {
            let body: Task
        }
    }
#endif
