package import NIOCore

/// A server on channels that somebody else made: a listener without sockets.
///
/// The caller brings the bytes, the time and the end, on the channels' one event loop. It is what fuzzing drives.
package final class ChannelServer {
    private let loop: ServerLoop

    package init(eventLoop: any EventLoop, limits: ServerLimits = ServerLimits(), delegate: any RequestDelegate) {
        let census = ConnectionCensus(limit: limits.maxConnections)
        loop = ServerLoop(eventLoop: eventLoop, limits: limits, delegate: delegate, census: census)
    }

    /// Puts the handlers of a new connection into a channel that is not active yet.
    package func serve(_ channel: any Channel) throws {
        try ServerPipeline(loop: loop, options: loop.options).install(on: channel)
    }

    /// Looks at all deadlines as if so much time had passed.
    package func pass(_ time: TimeAmount) { loop.sweep.sweep(now: loop.sweep.now + time) }

    /// Closes idle connections and lets the others finish.
    package func drain() { loop.beginDraining() }

    /// Connections that count, and those that are watched; none of either when all are closed.
    package var left: (counted: Int, watched: Int) { (loop.census.count, loop.sweep.count) }
}
