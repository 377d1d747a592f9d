import NIOConcurrencyHelpers
package import NIOCore
package import Transport

/// The running paywall: its listeners, its loops and the file in force.
package final class Paywall: Sendable {
    /// Its addresses and connections; to be drained through the paywall.
    package let listener: HTTPListener
    private let shared: PaywallShared
    private let loops: [NIOLoopBound<PaywallLoop>]
    private let eventLoops: [any EventLoop]

    /// Binds every point, or takes the sockets that the process was started with, and starts to take requests.
    package static func start(
        points: [ListenPoint], group: any EventLoopGroup, limits: ServerLimits,
        inherited: InheritedSockets = .none, shared: PaywallShared, generation: PaywallGeneration
    ) async throws(TransportError) -> Paywall {
        shared.gates.attach(to: generation.routes)
        shared.upstreams.keep(generation.upstreams, now: .now())
        let made = NIOLockedValueBox<[ObjectIdentifier: NIOLoopBound<PaywallLoop>]>([:])
        let delegate: HTTPListener.DelegateFactory = { eventLoop in
            let key = ObjectIdentifier(eventLoop)
            if let known = made.withLockedValue({ $0[key] }) { return known.value }
            let loop = PaywallLoop(eventLoop: eventLoop, shared: shared, generation: generation)
            made.withLockedValue { $0[key] = NIOLoopBound(loop, eventLoop: eventLoop) }
            return loop
        }
        let listener = try await HTTPListener.bind(
            points: points, group: group, limits: limits, inherited: inherited, delegate: delegate)
        return Paywall(listener: listener, shared: shared, loops: Array(made.withLockedValue { $0 }.values))
    }

    private init(listener: HTTPListener, shared: PaywallShared, loops: [NIOLoopBound<PaywallLoop>]) {
        self.listener = listener
        self.shared = shared
        self.loops = loops
        eventLoops = loops.map(\.eventLoop)
    }

    /// Where the paywall listens.
    package var localAddresses: [SocketAddress] { listener.localAddresses }

    /// Puts a new file in force on every loop at once; requests under way end under the old one.
    package func adopt(_ generation: PaywallGeneration) async {
        shared.gates.attach(to: generation.routes)
        shared.upstreams.keep(generation.upstreams, now: .now())
        shared.inForce.replace(with: generation)
        // Loops without requests let go of the old file too.
        await onEveryLoop { $0.adoptLatest() }
    }

    /// Stops accepting, lets requests end within `timeout`, then closes.
    ///
    /// - Parameter keepsSockets: As `HTTPListener.drain` has it.
    package func drain(timeout: Duration, keepsSockets: Bool = false) async {
        await listener.drain(timeout: timeout, keepsSockets: keepsSockets)
        await onEveryLoop { $0.close() }
    }

    private func onEveryLoop(_ body: @escaping @Sendable (PaywallLoop) -> Void) async {
        for loop in loops {
            try? await loop.eventLoop.submit { body(loop.value) }.get()
        }
    }
}
