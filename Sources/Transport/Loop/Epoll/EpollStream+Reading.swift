#if os(Linux)
    import CEpoll
    import NIOCore

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    extension EpollStream {
        func putOffReading() {
            guard !isPutOff else { return }
            isPutOff = true
            loop.putOff(self)
        }

        enum ReadOutcome {
            case bytes
            case nothing
            case end
            case failed(IOError)
        }

        /// Reads what is there, within the budget of one event.
        func read() {
            guard phase == .active, !isReading, !inputClosed else { return }
            isReading = true
            var outcome = ReadOutcome.nothing
            var hasRead = false
            for _ in 0..<maxMessagesPerRead {
                outcome = readOnce()
                if case .bytes = outcome { hasRead = true } else { break }
                guard isOpen, !inputClosed, mayRead else { break }
            }
            isReading = false
            finishReading(outcome, hasRead)
        }

        func finishReading(_ outcome: ReadOutcome, _ hasRead: Bool) {
            guard isOpen else { return }
            switch outcome {
            case .bytes, .nothing:
                if hasRead { completeRead() }
            case .end:
                pipeline.syncOperations.fireChannelReadComplete()
                guard isOpen else { return }
                return endInput()
            case .failed(let error):
                pipeline.syncOperations.fireErrorCaught(error)
                return close0(error: error, mode: .all, promise: nil)
            }
            guard phase == .active, !inputClosed else { return }
            if autoRead, !isReadWanted { pipeline.syncOperations.read() }
            if mayRead, isReadWanted { putOffReading() }
        }

        /// Ends a read event, and asks for the next one.
        func completeRead() {
            if let soleHandler {
                isReadWanted = autoRead
                soleHandler.readCompleted()
            } else {
                isReadWanted = false
                pipeline.syncOperations.fireChannelReadComplete()
            }
        }

        func endInput() {
            mayRead = false
            if allowsHalfClosure {
                close0(error: ChannelError.eof, mode: .input, promise: nil)
            } else {
                close0(error: ChannelError.eof, mode: .all, promise: nil)
            }
        }

        /// One system call.
        func readOnce() -> ReadOutcome {
            var buffer = loop.readBuffers.take(size)
            var code: Int32 = 0
            var wanted = 0
            let descriptor = descriptor
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { room in
                wanted = room.count
                let count = farebox_receive(descriptor, room.baseAddress, room.count)
                if count >= 0 { return count }
                code = Int32(-count)
                return 0
            }
            guard count > 0 else {
                loop.readBuffers.put(buffer, size)
                switch code {
                case 0: return .end
                case EAGAIN:
                    mayRead = false
                    return .nothing
                default: return .failed(IOError(errnoCode: code, reason: "recv"))
                }
            }
            if count < wanted, !hasSeenEnd { mayRead = false }
            let used = size
            adapt(count)
            if let soleHandler {
                soleHandler.received(buffer)
            } else {
                pipeline.syncOperations.fireChannelRead(NIOAny(buffer))
            }
            loop.readBuffers.put(buffer, used)
            return .bytes
        }

        /// Chooses the size of the next read: larger when one was full, smaller when two in a row would have fit.
        private func adapt(_ count: Int) {
            if count >= ReadBuffers.capacity(size) {
                if size < ReadBuffers.sizes - 1 { size += 1 }
                smallReads = 0
            } else if size > 0, count <= ReadBuffers.capacity(size - 1) {
                smallReads += 1
                if smallReads == 2 {
                    size -= 1
                    smallReads = 0
                }
            } else {
                smallReads = 0
            }
        }

        /// Reads whatever is left before the peer's end, whether it is wanted now or not: the end itself must be heard of.
        ///
        /// What is left is no more than the kernel's buffer holds.
        func readToEnd() {
            guard !isReading else { return }
            while phase == .active, !inputClosed {
                isReading = true
                let outcome = readOnce()
                isReading = false
                switch outcome {
                case .bytes:
                    if isOpen { pipeline.syncOperations.fireChannelReadComplete() }
                    continue
                case .nothing: break
                case .end, .failed: finishReading(outcome, false)
                }
                break
            }
        }

        /// Closes a connection of which nothing is left in either direction.
        func closeBroken() {
            guard isOpen else { return }
            let code = farebox_take_error(descriptor)
            close0(
                error: IOError(errnoCode: code == 0 ? ECONNRESET : code, reason: "connection reset"), mode: .all,
                promise: nil)
        }
    }
#endif
