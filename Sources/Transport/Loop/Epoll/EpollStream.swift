#if os(Linux)
    import CEpoll
    import NIOCore
    import Synchronization

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// A connected stream socket.
    ///
    /// It is watched for edges: the kernel tells once that there is something to read, and it is remembered here until a read has
    /// taken all. So pausing and going on cost no system call.
    final class EpollStream: EpollChannel, DirectChannel, @unchecked Sendable {
        var soleHandler: (any SoleHandler)?

        // Reading.
        var allowsHalfClosure = false
        /// Whether a read has been asked for.
        var isReadWanted = false
        /// Whether the kernel may have something to read.
        var mayRead = false
        /// Whether the peer has ended its side, or the connection is broken: reads go on to the end.
        var hasSeenEnd = false
        var isReading = false
        var isPutOff = false
        var inputClosed = false
        var size = 0
        var smallReads = 0

        // Writing.
        var sends = PendingSends()
        let isWritableFlag = Atomic(true)
        var isSending = false
        var awaitsWritable = false
        var outputClosed = false
        var closingOutput: (isAsked: Bool, promise: EventLoopPromise<Void>?) = (false, nil)

        // Connecting.
        var connecting: EventLoopPromise<Void>?
        var isConnecting = false

        /// Owns the descriptor from here on.
        init(_ descriptor: Int32, loop: EpollLoop, remote: SocketAddress?, options: StreamOptions) {
            allowsHalfClosure = options.allowsHalfClosure
            sends.low = options.writeBufferLow
            sends.high = options.writeBufferHigh
            super.init(descriptor, loop: loop)
            setRemoteAddress(remote)
            if remote?.isInternet == true { _ = farebox_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        }

        override var interest: UInt32 {
            let base = farebox_epoll_in | farebox_epoll_peer_ended | farebox_epoll_edge
            return awaitsWritable || isConnecting ? base | farebox_epoll_out : base
        }

        override func ready(_ events: UInt32) {
            if isConnecting { return finishConnecting() }
            if events & farebox_epoll_out != 0, awaitsWritable {
                setAwaitsWritable(false)
                send()
            }
            guard isOpen else { return }
            let ended = farebox_epoll_peer_ended | farebox_epoll_hang_up | farebox_epoll_error
            guard events & (farebox_epoll_in | ended) != 0 else { return }
            mayRead = true
            if events & ended != 0 {
                hasSeenEnd = true
                readToEnd()
                if events & (farebox_epoll_hang_up | farebox_epoll_error) != 0 { closeBroken() }
            } else if isReadWanted {
                read()
            }
        }

        // MARK: Reading

        override func read0() {
            guard !inputClosed else { return }
            isReadWanted = true
            if mayRead, !isReading { putOffReading() }
        }

        override func stopReading() {
            isReadWanted = false
        }

        override func goOn() {
            isPutOff = false
            if mayRead, isReadWanted, phase == .active, !isReading { read() }
        }

        // MARK: Writing

        override var isWritable: Bool { isWritableFlag.load(ordering: .relaxed) }

        override func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard isOpen, !outputClosed, !closingOutput.isAsked else {
                promise?.fail(isOpen ? ChannelError.outputClosed : ChannelError.ioOnClosedChannel)
                return
            }
            sends.add(unwrapData(data, as: ByteBuffer.self), promise)
            if sends.isAboveHigh, isWritable {
                isWritableFlag.store(false, ordering: .relaxed)
                pipeline.syncOperations.fireChannelWritabilityChanged()
            }
        }

        func send(_ bytes: ByteBuffer) {
            guard phase == .active, sends.isEmpty, !awaitsWritable, !outputClosed, !closingOutput.isAsked else {
                pipeline.syncOperations.writeAndFlush(NIOAny(bytes), promise: nil)
                return
            }
            let descriptor = descriptor
            let sent = bytes.withUnsafeReadableBytes { farebox_send(descriptor, $0.baseAddress, $0.count) }
            if sent == bytes.readableBytes { return }
            var rest = bytes
            if sent > 0 { rest.moveReaderIndex(forwardBy: sent) }
            // What the kernel did not take goes the long way, errors too.
            pipeline.syncOperations.writeAndFlush(NIOAny(rest), promise: nil)
        }

        override func flush0() {
            guard isOpen else { return }
            sends.flush()
            if phase == .active, !awaitsWritable, !isSending { send() }
        }

        /// Sends what was flushed before there was a connection.
        override func activated() {
            if sends.hasFlushed, !awaitsWritable { send() }
        }

        // MARK: Closing

        override func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard isOpen else {
                promise?.fail(ChannelError.alreadyClosed)
                return
            }
            switch mode {
            case .all: super.close0(error: error, mode: .all, promise: promise)
            case .output: closeOutput(error, promise)
            case .input: closeInput(error, promise)
            }
        }

        override func closed(_ error: any Error) {
            soleHandler = nil
            let connecting = connecting
            self.connecting = nil
            isConnecting = false
            let asked = closingOutput
            closingOutput = (false, nil)
            for promise in sends.removeAll() { promise.fail(error) }
            asked.promise?.fail(error)
            connecting?.fail(error)
        }

        // MARK: Connecting

        override func connect0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
            guard phase == .made, !isConnecting else {
                promise?.fail(isConnecting ? ChannelError.connectPending : ChannelError.inappropriateOperationForState)
                return
            }
            let descriptor = descriptor
            let code = -address.withSockAddr { farebox_connect(descriptor, $0, socklen_t($1)) }
            guard code == 0 || code == EINPROGRESS || code == EINTR else {
                let error = IOError(errnoCode: code, reason: "connect")
                promise?.fail(error)
                return close0(error: error, mode: .all, promise: nil)
            }
            isConnecting = code != 0
            do {
                try register()
            } catch {
                promise?.fail(error)
                return close0(error: error, mode: .all, promise: nil)
            }
            if isConnecting {
                connecting = promise
            } else {
                becomeActive(promise)
            }
        }

        // MARK: Options

        override func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
            switch (option, value) {
            case (is ChannelOptions.Types.AllowRemoteHalfClosureOption, let value as Bool):
                allowsHalfClosure = value
            case (
                is ChannelOptions.Types.WriteBufferWaterMarkOption,
                let value as ChannelOptions.Types.WriteBufferWaterMark
            ):
                sends.low = value.low
                sends.high = value.high
            case (is ChannelOptions.Types.RecvAllocatorOption, _), (is ChannelOptions.Types.WriteSpinOption, _):
                // Buffers are the loop's, and a send ends when the kernel takes no more.
                break
            default:
                try super.set(option, value)
            }
        }

        override func get<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            let value: Any? =
                switch option {
                case is ChannelOptions.Types.AllowRemoteHalfClosureOption: allowsHalfClosure
                case is ChannelOptions.Types.BufferedWritableBytesOption: sends.bytes
                case is ChannelOptions.Types.WriteBufferWaterMarkOption:
                    ChannelOptions.Types.WriteBufferWaterMark(low: sends.low, high: sends.high)
                default: nil
                }
            guard let value = value as? Option.Value else { return try super.get(option) }
            guard isOpen else { throw ChannelError.ioOnClosedChannel }
            return value
        }
    }
#endif
