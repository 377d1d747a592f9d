#if os(Linux)
    import CEpoll
    import NIOCore
    import NIOPosix

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// Opens sockets on the loops of our own.
    enum EpollSockets {
        /// Accepts on the first of `loops`, once reading is on, and deals the connections out to all of them in turn.
        ///
        /// - Parameter descriptor: A socket that listens, taken over.
        static func accept(
            from descriptor: Int32, _ loops: [EpollLoop], options: StreamOptions,
            listener initialize: @escaping StreamSockets.Initializer, connection: @escaping StreamSockets.Initializer
        ) -> EventLoopFuture<any Channel> {
            let loop = loops[0]
            return loop.submit {
                var turn = 0
                try makeNonblocking(descriptor)
                let listener = EpollListener(descriptor, loop: loop) { descriptor, remote in
                    let home = loops[turn]
                    turn = turn == loops.count - 1 ? 0 : turn + 1
                    if home === loop {
                        take(descriptor, remote, home, options, connection)
                    } else if !home.add({ take(descriptor, remote, home, options, connection) }) {
                        farebox_close(descriptor)
                    }
                }
                listener.maxMessagesPerRead = StreamSockets.acceptsPerEvent
                listener.autoRead = false
                try start(listener, initialize)
                return listener
            }
        }

        /// Closes a socket that cannot be used without blocking.
        private static func makeNonblocking(_ descriptor: Int32) throws(IOError) {
            let result = farebox_make_nonblocking(descriptor)
            guard result == 0 else {
                farebox_close(descriptor)
                throw IOError(errnoCode: -result, reason: "fcntl")
            }
        }

        /// Takes a connection in; on its loop.
        private static func take(
            _ descriptor: Int32, _ remote: SocketAddress?, _ loop: EpollLoop, _ options: StreamOptions,
            _ initialize: StreamSockets.Initializer
        ) {
            // A channel that cannot start closes itself, and there is nobody else to tell.
            try? start(EpollStream(descriptor, loop: loop, remote: remote, options: options), initialize)
        }

        /// Opens a channel for business, or closes it.
        private static func start(_ channel: EpollChannel, _ initialize: StreamSockets.Initializer) throws {
            do {
                try initialize(channel)
                try channel.register()
            } catch {
                channel.close0(error: error, mode: .all, promise: nil)
                throw error
            }
            channel.becomeActive()
        }

        /// Connects, from any thread.
        static func connect(
            to address: SocketAddress, loop: EpollLoop, timeout: TimeAmount, options: StreamOptions,
            _ initialize: @escaping StreamSockets.Initializer
        ) -> EventLoopFuture<any Channel> {
            if loop.inEventLoop { return connectHere(to: address, loop, timeout, options, initialize) }
            return loop.flatSubmit { connectHere(to: address, loop, timeout, options, initialize) }
        }

        /// Connects to the first address of a host that answers; the name, too, has to be resolved in time.
        static func connect(
            host: String, port: Int, loop: EpollLoop, timeout: TimeAmount, options: StreamOptions,
            _ initialize: @escaping StreamSockets.Initializer
        ) -> EventLoopFuture<any Channel> {
            let deadline = NIODeadline.now() + timeout
            let resolved = loop.makePromise(of: [SocketAddress].self)
            let late = loop.scheduleTask(deadline: deadline) { resolved.fail(ChannelError.connectTimeout(timeout)) }
            let lookup = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                NameResolution.resolve(host, port: port)
            }
            lookup.cascade(to: resolved)
            return resolved.futureResult.flatMap { addresses in
                late.cancel()
                guard !addresses.isEmpty else { return loop.makeFailedFuture(TransportError(.nameNotResolved)) }
                return connect(toFirstOf: addresses[...], loop: loop, deadline: deadline, options: options, initialize)
            }
        }

        /// Those that are left share the time that is left.
        private static func connect(
            toFirstOf addresses: ArraySlice<SocketAddress>, loop: EpollLoop, deadline: NIODeadline,
            options: StreamOptions, _ initialize: @escaping StreamSockets.Initializer
        ) -> EventLoopFuture<any Channel> {
            guard let address = addresses.first else { return loop.makeFailedFuture(TransportError(.connectTimeout)) }
            let left = (deadline - .now()).nanoseconds / Int64(addresses.count)
            let timeout = TimeAmount.nanoseconds(max(1_000_000, left))
            let tried = connect(to: address, loop: loop, timeout: timeout, options: options, initialize)
            guard addresses.count > 1 else { return tried }
            return tried.flatMapError { _ in
                connect(
                    toFirstOf: addresses.dropFirst(), loop: loop, deadline: deadline, options: options, initialize)
            }
        }

        private static func connectHere(
            to address: SocketAddress, _ loop: EpollLoop, _ timeout: TimeAmount, _ options: StreamOptions,
            _ initialize: StreamSockets.Initializer
        ) -> EventLoopFuture<any Channel> {
            let descriptor = farebox_socket(address.family)
            guard descriptor >= 0 else {
                return loop.makeFailedFuture(IOError(errnoCode: -descriptor, reason: "socket"))
            }
            let channel = EpollStream(descriptor, loop: loop, remote: address, options: options)
            do {
                try initialize(channel)
            } catch {
                channel.close0(error: error, mode: .all, promise: nil)
                return loop.makeFailedFuture(error)
            }
            let connected = loop.makePromise(of: Void.self)
            // Closing fails the promise.
            let late = loop.assumeIsolated().scheduleTask(in: timeout) {
                channel.close0(error: ChannelError.connectTimeout(timeout), mode: .all, promise: nil)
            }
            connected.futureResult.whenComplete { _ in late.cancel() }
            channel.connect0(to: address, promise: connected)
            return connected.futureResult.map { channel }
        }
    }

    extension SocketAddress {
        fileprivate var family: Int32 {
            switch self {
            case .v4: AF_INET
            case .v6: AF_INET6
            case .unixDomainSocket: AF_UNIX
            }
        }

        /// Whether the address is one of TCP.
        var isInternet: Bool {
            if case .unixDomainSocket = self { return false }
            return true
        }

        /// What the kernel says of an end of a connection; nil for one without an address that we know.
        init?(_ storage: sockaddr_storage, _ length: socklen_t) {
            guard length > 0 else { return nil }
            var storage = storage
            let made: SocketAddress? = withUnsafePointer(to: &storage) { pointer in
                let raw = UnsafeRawPointer(pointer)
                switch Int32(pointer.pointee.ss_family) {
                case AF_INET: return SocketAddress(raw.load(as: sockaddr_in.self))
                case AF_INET6: return SocketAddress(raw.load(as: sockaddr_in6.self))
                case AF_UNIX: return SocketAddress(raw.load(as: sockaddr_un.self))
                default: return nil
                }
            }
            guard let made else { return nil }
            self = made
        }

        /// Our end of a connection, or where a socket listens.
        static func local(of descriptor: Int32) -> SocketAddress? {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            return farebox_local_address(descriptor, &storage, &length) == 0 ? SocketAddress(storage, length) : nil
        }
    }
#endif
