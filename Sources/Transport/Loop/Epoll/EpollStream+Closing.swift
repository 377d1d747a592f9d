#if os(Linux)
    import CEpoll
    import NIOCore

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    extension EpollStream {
        func closeOutput(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
            guard !outputClosed, !closingOutput.isAsked else {
                promise?.fail(ChannelError.outputClosed)
                return
            }
            if inputClosed { return close0(error: error, mode: .all, promise: promise) }
            closingOutput = (true, promise)
            if sends.isEmpty { shutOutput() }
        }

        func shutOutput() {
            let promise = closingOutput.promise
            closingOutput = (false, nil)
            outputClosed = true
            let result = farebox_shutdown_output(descriptor)
            guard result == 0 else {
                promise?.fail(IOError(errnoCode: -result, reason: "shutdown"))
                return
            }
            promise?.succeed(())
            guard isOpen else { return }
            // Both sides are over; the input was closed while this one was still being sent.
            if inputClosed { return close0(error: ChannelError.eof, mode: .all, promise: nil) }
            pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
        }

        func closeInput(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
            guard !inputClosed else {
                promise?.fail(ChannelError.inputClosed)
                return
            }
            if outputClosed { return close0(error: error, mode: .all, promise: promise) }
            inputClosed = true
            isReadWanted = false
            if (error as? ChannelError) != .eof { _ = farebox_shutdown_input(descriptor) }
            promise?.succeed(())
            if isOpen { pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        }

        func finishConnecting() {
            let code = farebox_take_error(descriptor)
            guard code == 0 else {
                return close0(error: IOError(errnoCode: code, reason: "connect"), mode: .all, promise: nil)
            }
            isConnecting = false
            let promise = connecting
            connecting = nil
            do {
                try loop.change(self, interest)
            } catch {
                promise?.fail(error)
                return close0(error: error, mode: .all, promise: nil)
            }
            becomeActive(promise)
        }
    }
#endif
