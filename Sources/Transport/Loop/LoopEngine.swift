package import NIOCore
import NIOPosix

/// What the event loops of a process are made of.
package enum LoopEngine: String, Sendable {
    /// Loops and channels of our own, over epoll; on Linux only.
    case epoll
    /// SwiftNIO's.
    case nio

    /// The environment variable that chooses.
    package static let variable = "FAREBOX_ENGINE"

    /// Those that this system has, the preferred one first.
    package static var available: [LoopEngine] {
        #if os(Linux)
            [.epoll, .nio]
        #else
            [.nio]
        #endif
    }

    /// The engine that the environment asks for, or the preferred one; nil if it asks for one that is not there.
    package static func choose(environment: [String: String]) -> LoopEngine? {
        guard let word = environment[variable] else { return available.first }
        return available.first { $0.rawValue == word }
    }

    /// Starts a group of loops, a thread for each.
    package func makeGroup(loops: Int) throws(IOError) -> any EventLoopGroup {
        #if os(Linux)
            if self == .epoll { return try EpollLoopGroup(numberOfThreads: loops) }
        #endif
        return MultiThreadedEventLoopGroup(numberOfThreads: loops)
    }
}
