package import NIOCore

/// What all addresses of a listener have in common.
struct ListenerContext: Sendable {
    let group: any EventLoopGroup
    let delegates: [NIOLoopBound<any RequestDelegate>]
    let census: ConnectionCensus
    let inherited: InheritedSockets
}

/// An address that is bound, with the port really taken.
package struct BoundAddress: Sendable, Equatable {
    package let address: SocketAddress
    /// Whether TLS was spoken there when it was bound.
    package let isSecure: Bool
}

/// A listening address in use: its sockets, and what its connections share on each loop.
final class BoundPoint: Sendable {
    let address: ListenAddress
    let sockets: [ListeningSocket]
    private let isSecure: Bool
    private let channels: [any Channel]
    private let loops: [NIOLoopBound<ServerLoop>]

    /// Binds an address without accepting yet; connections wait in the kernel's queue.
    ///
    /// - Parameter beside: The sockets of the same listener, whose ports may be shared.
    init(
        _ point: ListenPoint, limits: ServerLimits, beside: [ListeningSocket], context: ListenerContext
    ) async throws {
        var loops: [NIOLoopBound<ServerLoop>] = []
        for delegate in context.delegates {
            let loop = delegate.eventLoop
            let bound = try await loop.submit {
                let server = ServerLoop(
                    eventLoop: loop, limits: limits, options: point.options, delegate: delegate.value,
                    census: context.census)
                return NIOLoopBound(server, eventLoop: loop)
            }.get()
            loops.append(bound)
        }
        let opener = SocketOpener(count: loops.count, inherited: context.inherited, beside: beside)
        let sockets = try opener.open(point.address)
        var channels: [any Channel] = []
        do {
            for (index, socket) in sockets.enumerated() {
                // As many sockets as loops: each loop accepts for itself. Otherwise connections are dealt out.
                let isOwn = sockets.count == loops.count
                let group: any EventLoopGroup = isOwn ? loops[index].eventLoop : context.group
                channels.append(try await Self.channel(of: socket, on: group, loops: loops, limits: limits))
            }
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
        address = point.address
        isSecure = point.options.tls != nil
        self.sockets = sockets
        self.channels = channels
        self.loops = loops
    }

    /// The addresses bound, each once.
    var addresses: [BoundAddress] {
        sockets.reduce(into: []) { found, socket in
            let bound = BoundAddress(address: socket.localAddress, isSecure: isSecure)
            if !found.contains(bound) { found.append(bound) }
        }
    }

    // MARK: Accepting

    func startAccepting() async {
        for channel in channels { try? await channel.setOption(.autoRead, value: true).get() }
    }

    /// Lets the next connections have other limits and speak otherwise.
    func adopt(_ options: ListenerOptions, limits: ServerLimits) async {
        for loop in loops {
            try? await loop.eventLoop.submit {
                loop.value.options = options
                loop.value.limits = limits
            }.get()
        }
    }

    /// Stops accepting, closes idle connections, lets exchanges finish, then closes what is left.
    ///
    /// - Parameter keepsSockets: Leaves the sockets open, for connections to wait there for whoever comes next.
    func drain(timeout: TimeAmount, keepsSockets: Bool) -> EventLoopFuture<Void> {
        let any = loops[0].eventLoop
        let stopped = channels.enumerated().map { index, channel in
            stopAccepting(channel, sockets[index], keepsSocket: keepsSockets, timeout: timeout)
        }
        let loops = loops
        // From now on answers say that their connection closes.
        for bound in loops { bound.eventLoop.execute { bound.value.beginDraining() } }
        return EventLoopFuture.andAllComplete(stopped, on: any).flatMap {
            let drained = loops.map { bound in
                let late = bound.eventLoop.scheduleTask(in: timeout) { bound.value.closeAll() }
                return bound.eventLoop.flatSubmit { bound.value.whenEmpty() }.always { _ in late.cancel() }
            }
            return EventLoopFuture.andAllComplete(drained, on: any)
        }
    }

    /// Closes every connection in the middle of what it does.
    func breakOff() {
        for bound in loops { bound.eventLoop.execute { bound.value.closeAll() } }
    }

    /// Lets go of an address that was bound and never accepted.
    func abandon() async {
        for channel in channels { try? await channel.close() }
        for socket in sockets {
            socket.refuseFurther()
            socket.close()
        }
    }

    /// How long handshakes under way may take, and how long the queue is emptied after that.
    private static let settling = TimeAmount.milliseconds(100)
    private static let emptying = (step: TimeAmount.milliseconds(1), most: 500)
    /// How long a connection may take from the loop that accepted it to its own; a closed channel would drop it.
    private static let dealing = TimeAmount.milliseconds(50)

    /// Closing a listening socket resets what waits in its queue: so the queue is emptied first.
    private func stopAccepting(
        _ channel: any Channel, _ socket: ListeningSocket, keepsSocket: Bool, timeout: TimeAmount
    ) -> EventLoopFuture<Void> {
        let loop = channel.eventLoop
        let promise = loop.makePromise(of: Void.self)
        @Sendable func close() {
            try? channel.syncOptions?.setOption(.autoRead, value: false)
            loop.scheduleTask(in: min(timeout, Self.dealing)) {
                channel.close(promise: nil)
                if !keepsSocket { socket.close() }
                channel.closeFuture.cascade(to: promise)
            }
        }
        @Sendable func step(_ left: Int) {
            guard left > 0, socket.hasWaiting else { return close() }
            loop.scheduleTask(in: Self.emptying.step) { step(left - 1) }
        }
        loop.execute {
            if keepsSocket || socket.isShared { return close() }
            socket.refuseFurther()
            loop.scheduleTask(in: min(timeout, Self.settling)) { step(Self.emptying.most) }
        }
        return promise.futureResult
    }

    private static func channel(
        of socket: ListeningSocket, on group: any EventLoopGroup, loops: [NIOLoopBound<ServerLoop>],
        limits: ServerLimits
    ) async throws -> any Channel {
        let options = StreamOptions(
            allowsHalfClosure: true, writeBufferLow: limits.writeBufferLow, writeBufferHigh: limits.writeBufferHigh)
        let channel = try await StreamSockets.accept(from: socket, group: group, options: options) { channel in
            try channel.pipeline.syncOperations.addHandler(AcceptPause())
        } connection: { channel in
            guard let bound = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
            let loop = bound.value
            try ServerPipeline(loop: loop, options: loop.options).install(on: channel)
        }.get()
        socket.restoreBacklog()
        return channel
    }
}
