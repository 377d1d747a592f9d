#if os(Linux)
    import CEpoll
    import NIOCore
    import Synchronization

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    extension EpollStream {
        /// Sends until nothing flushed is left or the kernel takes no more.
        func send() {
            guard !isSending, isOpen else { return }
            isSending = true
            defer { isSending = false }
            while isOpen, sends.hasFlushed {
                switch sends.sendOnce(descriptor) {
                case .sent:
                    tellSent()
                case .partly:
                    setAwaitsWritable(true)
                    return tellSent()
                case .failed(let code):
                    return sendFailed(IOError(errnoCode: code, reason: "send"))
                }
            }
            if isOpen, closingOutput.isAsked, sends.isEmpty { shutOutput() }
        }

        func tellSent() {
            for promise in sends.takeKept() { promise.succeed(()) }
            guard isOpen, sends.isBelowLow, !isWritable else { return }
            isWritableFlag.store(true, ordering: .relaxed)
            pipeline.syncOperations.fireChannelWritabilityChanged()
        }

        /// An answer may have come before the peer stopped reading, so what can be read is read first.
        func sendFailed(_ error: IOError) {
            if isReadWanted, !isReading, phase == .active {
                var hasRead = false
                isReading = true
                while isOpen, !inputClosed, case .bytes = readOnce() { hasRead = true }
                isReading = false
                if hasRead, isOpen { pipeline.syncOperations.fireChannelReadComplete() }
            }
            close0(error: error, mode: .all, promise: nil)
        }

        func setAwaitsWritable(_ awaits: Bool) {
            guard isOpen, awaits != awaitsWritable else { return }
            awaitsWritable = awaits
            do {
                try loop.change(self, interest)
            } catch {
                close0(error: error, mode: .all, promise: nil)
            }
        }
    }
#endif
