#if os(Linux)
    import CEpoll
    import NIOCore

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// A listening socket.
    ///
    /// Connections are handed to `accepted`, which owns them; what goes wrong goes through the pipeline.
    final class EpollListener: EpollChannel, @unchecked Sendable {
        typealias Accepted = (_ descriptor: Int32, _ remote: SocketAddress?) -> Void

        private let accepted: Accepted
        private var isReadWanted = false

        init(_ descriptor: Int32, loop: EpollLoop, accepted: @escaping Accepted) {
            self.accepted = accepted
            super.init(descriptor, loop: loop)
        }

        override var interest: UInt32 { isReadWanted ? farebox_epoll_in : 0 }

        override func read0() {
            setReadWanted(true)
        }

        override func stopReading() {
            setReadWanted(false)
        }

        private func setReadWanted(_ isWanted: Bool) {
            guard isOpen, isWanted != isReadWanted else { return }
            isReadWanted = isWanted
            do {
                try loop.change(self, interest)
            } catch {
                pipeline.syncOperations.fireErrorCaught(error)
            }
        }

        override func ready(_ events: UInt32) {
            for _ in 0..<maxMessagesPerRead {
                guard phase == .active, isReadWanted else { return }
                var address = sockaddr_storage()
                var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
                let connection = farebox_accept(descriptor, &address, &length)
                if connection >= 0 {
                    accepted(connection, SocketAddress(address, length))
                    continue
                }
                let code = -connection
                switch code {
                case EINTR, ECONNABORTED, EPROTO: continue
                case EAGAIN: return
                default: return pipeline.syncOperations.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
                }
            }
        }
    }
#endif
