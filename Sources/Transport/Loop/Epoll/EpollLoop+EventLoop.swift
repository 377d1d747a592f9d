#if os(Linux)
    import Dispatch
    import NIOCore

    extension EpollLoop: NIOSerialEventLoopExecutor {
        func execute(_ task: @escaping @Sendable () -> Void) {
            // Nobody is left to run the task of a loop that has ended.
            _ = add(task)
        }

        func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> {
            let promise = makePromise(of: T.self)
            let isOpen = add { promise.assumeIsolated().completeWith(Result(catching: task)) }
            if !isOpen { promise.fail(EventLoopError.shutdown) }
            return promise.futureResult
        }

        func scheduleTask<T>(
            deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T
        ) -> Scheduled<T> {
            schedule(deadline, task)
        }

        func scheduleTask<T>(in amount: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            schedule(.now() + amount, task)
        }

        private func schedule<T>(_ deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            let promise = makePromise(of: T.self)
            let timer = UncheckedTimer(
                timer: LoopTimer(deadline: deadline) {
                    promise.assumeIsolated().completeWith(Result(catching: task))
                } onFailure: { error in
                    promise.fail(error)
                })
            if inEventLoop {
                start(timer.timer)
            } else if !add({ [self] in start(timer.timer) }) {
                promise.fail(EventLoopError.shutdown)
            }
            return Scheduled(promise: promise) { [self] in
                if inEventLoop {
                    cancel(timer.timer)
                } else {
                    execute { [self] in cancel(timer.timer) }
                }
            }
        }

        /// Refused: a loop ends with its group.
        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            queue.async { callback(EventLoopError.unsupportedOperation) }
        }

        private struct UncheckedTimer: @unchecked Sendable {
            let timer: LoopTimer
        }
    }
#endif
