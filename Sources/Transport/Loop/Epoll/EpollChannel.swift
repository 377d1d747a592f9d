#if os(Linux)
    import CEpoll
    import NIOCore
    import Synchronization

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// A socket of a loop of ours, under a pipeline of NIO's.
    ///
    /// The base class has what listening and connected sockets share. The methods ending in `0` and all state but the flags are for
    /// the loop's thread.
    class EpollChannel: Channel, ChannelCore, @unchecked Sendable {
        enum Phase {
            case made
            case registered
            case active
            case closed
        }

        final let loop: EpollLoop
        final let descriptor: Int32
        final let parent: (any Channel)?
        final let allocator = ByteBufferAllocator()
        final private let closePromise: EventLoopPromise<Void>
        final private(set) lazy var pipeline = ChannelPipeline(channel: self)
        final private let isActiveFlag = Atomic(false)
        final private let ends = Mutex(Ends())

        /// The addresses, as far as they are known; another thread may ask for them.
        private struct Ends {
            var local: SocketAddress?
            var remote: SocketAddress?
            /// Whether the descriptor is given back, so that its number may be somebody else's.
            var isClosed = false
        }

        final private(set) var phase = Phase.made
        final var autoRead = true
        final var maxMessagesPerRead = 1

        /// Owns the descriptor from here on.
        init(_ descriptor: Int32, loop: EpollLoop, parent: (any Channel)? = nil) {
            self.descriptor = descriptor
            self.loop = loop
            self.parent = parent
            closePromise = loop.makePromise(of: Void.self)
            // Made here, as nothing else may touch it first.
            _ = pipeline
        }

        // MARK: For the loop

        /// The kernel has something to say.
        func ready(_ events: UInt32) {}

        /// Reading was put off to this turn.
        func goOn() {}

        /// The channel is active, and its handlers have heard of it.
        func activated() {}

        /// What is to be watched once the channel is active.
        var interest: UInt32 { 0 }

        /// Cleans up, after the descriptor is closed and before anybody hears of it.
        func closed(_ error: any Error) {}

        final var isOpen: Bool { phase != .closed }

        /// Has the loop watch the descriptor.
        final func register() throws(IOError) {
            guard phase == .made else { return }
            try loop.watch(self, interest)
            phase = .registered
            pipeline.syncOperations.fireChannelRegistered()
        }

        /// The socket is connected, or listens; the promise is the first to hear of it.
        final func becomeActive(_ promise: EventLoopPromise<Void>? = nil) {
            guard phase == .registered else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                return
            }
            phase = .active
            isActiveFlag.store(true, ordering: .relaxed)
            promise?.succeed(())
            guard isOpen else { return }
            pipeline.syncOperations.fireChannelActive()
            if isOpen, autoRead { pipeline.syncOperations.read() }
            if isOpen { activated() }
        }

        // MARK: Channel

        final var eventLoop: any EventLoop { loop }
        final var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
        final var isActive: Bool { isActiveFlag.load(ordering: .relaxed) }
        var isWritable: Bool { true }
        final var _channelCore: any ChannelCore { self }
        final var syncOptions: (any NIOSynchronousChannelOptions)? { SyncOptions(channel: self) }

        final var localAddress: SocketAddress? {
            ends.withLock { ends in
                if ends.local == nil, !ends.isClosed { ends.local = SocketAddress.local(of: descriptor) }
                return ends.local
            }
        }

        final var remoteAddress: SocketAddress? { ends.withLock(\.remote) }

        final func setRemoteAddress(_ address: SocketAddress?) {
            ends.withLock { $0.remote = address }
        }

        final func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
            if loop.inEventLoop { return loop.makeCompletedFuture { try set(option, value) } }
            return loop.submit { [self] in try set(option, value) }
        }

        final func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
            if loop.inEventLoop { return loop.makeCompletedFuture { try get(option) } }
            return loop.submit { [self] in try get(option) }
        }

        private struct SyncOptions: NIOSynchronousChannelOptions {
            let channel: EpollChannel

            func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
                try channel.set(option, value)
            }

            func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
                try channel.get(option)
            }
        }

        func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
            guard isOpen else { throw ChannelError.ioOnClosedChannel }
            switch (option, value) {
            case (is ChannelOptions.Types.AutoReadOption, let value as Bool):
                let before = autoRead
                autoRead = value
                if value, !before, phase == .active {
                    pipeline.syncOperations.read()
                } else if !value {
                    stopReading()
                }
            case (is ChannelOptions.Types.MaxMessagesPerReadOption, let value as UInt):
                maxMessagesPerRead = Int(clamping: max(1, value))
            case (let option as ChannelOptions.Types.SocketOption, let value as SocketOptionValue):
                try setSocketOption(option, value)
            default:
                throw ChannelError.operationUnsupported
            }
        }

        func get<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            guard isOpen else { throw ChannelError.ioOnClosedChannel }
            let value: Any? =
                switch option {
                case is ChannelOptions.Types.AutoReadOption: autoRead
                case is ChannelOptions.Types.MaxMessagesPerReadOption: UInt(maxMessagesPerRead)
                default: nil
                }
            guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
            return value
        }

        private func setSocketOption(_ option: ChannelOptions.Types.SocketOption, _ value: SocketOptionValue) throws {
            let level = CInt(option.optionLevel.rawValue), name = CInt(option.optionName.rawValue)
            let result = farebox_set_option(descriptor, level, name, CInt(truncatingIfNeeded: value))
            guard result == 0 else { throw IOError(errnoCode: -result, reason: "setsockopt") }
        }

        // MARK: ChannelCore

        final func localAddress0() throws -> SocketAddress {
            guard let address = localAddress else { throw ChannelError.unknownLocalAddress }
            return address
        }

        final func remoteAddress0() throws -> SocketAddress {
            guard let address = remoteAddress else { throw ChannelError.operationUnsupported }
            return address
        }

        final func register0(promise: EventLoopPromise<Void>?) {
            do {
                try register()
                promise?.succeed(())
            } catch {
                promise?.fail(error)
            }
        }

        final func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { register0(promise: promise) }

        final func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
            promise?.fail(ChannelError.operationUnsupported)
        }

        func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
            promise?.fail(ChannelError.operationUnsupported)
        }

        func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
            promise?.fail(ChannelError.operationUnsupported)
        }

        func flush0() {}
        func read0() {}
        func stopReading() {}

        func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard isOpen else {
                promise?.fail(ChannelError.alreadyClosed)
                return
            }
            guard mode == .all else {
                promise?.fail(ChannelError.operationUnsupported)
                return
            }
            let before = phase
            phase = .closed
            isActiveFlag.store(false, ordering: .relaxed)
            loop.forget(self)
            ends.withLock { ends in
                ends.isClosed = true
                farebox_close(descriptor)
            }
            closed(error)
            promise?.succeed(())
            if before == .active { pipeline.syncOperations.fireChannelInactive() }
            if before != .made { pipeline.syncOperations.fireChannelUnregistered() }
            // Later, as a handler may be in the middle of the pipeline.
            loop.assumeIsolated().execute { [self] in
                removeHandlers(pipeline: pipeline)
                closePromise.succeed(())
            }
        }

        final func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
            promise?.fail(ChannelError.operationUnsupported)
        }

        func channelRead0(_ data: NIOAny) {}

        final func errorCaught0(error: any Error) {}
    }
#endif
