#if os(Linux)
    import Dispatch
    import NIOCore
    import Synchronization

    /// A number of loops of ours.
    final class EpollLoopGroup: EventLoopGroup {
        let loops: [EpollLoop]
        private let turn = Atomic<Int>(0)

        /// Starts the threads.
        init(numberOfThreads count: Int) throws(IOError) {
            var loops: [EpollLoop] = []
            do throws(IOError) {
                for index in 0..<max(1, count) { loops.append(try EpollLoop(name: "loop-\(index)")) }
            } catch {
                for loop in loops { loop.stop {} }
                throw error
            }
            self.loops = loops
        }

        func next() -> any EventLoop {
            loops[
                Int(bitPattern: UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))]
        }

        func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }

        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            let left = DispatchGroup()
            for loop in loops {
                left.enter()
                loop.stop { left.leave() }
            }
            left.notify(queue: queue) { callback(nil) }
        }
    }
#endif
