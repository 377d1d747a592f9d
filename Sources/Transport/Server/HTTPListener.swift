package import NIOCore
import Synchronization

/// Accepts connections at listening addresses on every loop of a group.
///
/// On Linux each loop has a listening socket of its own for each TCP address (`SO_REUSEPORT`), so that a connection
/// stays on the loop that accepted it. Elsewhere, for unix sockets and for those that were passed to the process, one
/// socket deals its connections out.
package final class HTTPListener: Sendable {
    /// Makes the delegate of one event loop; called on it, once.
    package typealias DelegateFactory = @Sendable (any EventLoop) -> any RequestDelegate

    private struct State {
        var open: [BoundPoint]
        /// Addresses given up, whose connections are not over yet.
        var leaving: [BoundPoint] = []
    }

    private let context: ListenerContext
    private let state: Mutex<State>

    private init(context: ListenerContext, open: [BoundPoint]) {
        self.context = context
        state = Mutex(State(open: open))
    }

    /// Binds all addresses and starts to accept, or binds none.
    package static func bind(
        addresses: [ListenAddress], group: any EventLoopGroup, limits: ServerLimits = ServerLimits(),
        delegate: @escaping DelegateFactory
    ) async throws(TransportError) -> HTTPListener {
        let points = addresses.map { ListenPoint(address: $0) }
        return try await bind(points: points, group: group, limits: limits, delegate: delegate)
    }

    /// Binds all points and starts to accept, or binds none.
    ///
    /// - Parameter inherited: What the process was started with; taken instead of binding where it fits.
    package static func bind(
        points: [ListenPoint], group: any EventLoopGroup, limits: ServerLimits = ServerLimits(),
        inherited: InheritedSockets = .none, delegate: @escaping DelegateFactory
    ) async throws(TransportError) -> HTTPListener {
        var delegates: [NIOLoopBound<any RequestDelegate>] = []
        for loop in group.makeIterator() {
            let made = try? await loop.submit { NIOLoopBound(delegate(loop), eventLoop: loop) }.get()
            guard let made else { throw TransportError(.bindFailed, detail: "the event loops have ended") }
            delegates.append(made)
        }
        let context = ListenerContext(
            group: group, delegates: delegates, census: ConnectionCensus(limit: limits.maxConnections),
            inherited: inherited)
        let listener = HTTPListener(context: context, open: [])
        let change = try await listener.prepare(points, limits: limits)
        await listener.commit(change, drainTimeout: .zero)
        return listener
    }

    /// The addresses bound, with the ports really taken; one for each that was asked for.
    package var localAddresses: [SocketAddress] { addresses.map(\.address) }

    /// The same, with what is spoken there.
    package var addresses: [BoundAddress] { state.withLock { $0.open.flatMap(\.addresses) } }

    /// The connections open now, over all loops.
    package var openConnections: Int { context.census.count }

    /// The sockets by the address that was asked for, for a program that replaces this one.
    package var sockets: [(address: ListenAddress, sockets: [ListeningSocket])] {
        state.withLock { state in state.open.map { ($0.address, $0.sockets) } }
    }

    // MARK: Other addresses and limits

    /// What becomes of the addresses when a change is put in force.
    package struct Change: Sendable {
        fileprivate var limits: ServerLimits
        fileprivate var kept: [(bound: BoundPoint, options: ListenerOptions)] = []
        fileprivate var added: [BoundPoint] = []
        fileprivate var removed: [BoundPoint] = []

        /// Addresses that are new.
        package var newAddresses: [BoundAddress] { added.flatMap(\.addresses) }
        /// Addresses that are given up.
        package var oldAddresses: [BoundAddress] { removed.flatMap(\.addresses) }
    }

    /// Binds what is new, and nothing where anything cannot be bound.
    ///
    /// Nothing else changes before `commit`.
    package func prepare(_ points: [ListenPoint], limits: ServerLimits) async throws(TransportError) -> Change {
        var change = Change(limits: limits)
        let (open, leaving) = state.withLock { ($0.open, $0.leaving) }
        change.removed = open
        let beside = (open + leaving).flatMap(\.sockets).filter(\.isOpen)
        for point in points {
            if let index = change.removed.firstIndex(where: { $0.address == point.address }) {
                change.kept.append((change.removed.remove(at: index), point.options))
                continue
            }
            do {
                change.added.append(try await BoundPoint(point, limits: limits, beside: beside, context: context))
            } catch {
                await abandon(change)
                throw TransportError(.bindFailed, detail: "\(point.address): " + String(describing: error))
            }
        }
        return change
    }

    /// Gives a prepared change up.
    package func abandon(_ change: Change) async {
        for point in change.added { await point.abandon() }
    }

    /// Puts a prepared change in force: new connections are taken at new addresses and under new limits.
    ///
    /// Addresses that are gone take no connections any more; what they have drains meanwhile.
    package func commit(_ change: Change, drainTimeout: Duration) async {
        context.census.setLimit(change.limits.maxConnections)
        for (bound, options) in change.kept { await bound.adopt(options, limits: change.limits) }
        for bound in change.added { await bound.startAccepting() }
        state.withLock { state in
            state.open = change.kept.map(\.bound) + change.added
            state.leaving += change.removed
        }
        for bound in change.removed {
            bound.drain(timeout: TimeAmount(drainTimeout), keepsSockets: false).whenComplete { [self] _ in
                state.withLock { state in state.leaving.removeAll { $0 === bound } }
            }
        }
    }

    // MARK: The end

    /// Stops accepting, closes idle connections, lets exchanges finish, then closes what is left.
    ///
    /// Responses written meanwhile say `Connection: close`. Returns when no connection is left.
    ///
    /// - Parameter keepsSockets: Leaves the sockets open, for connections to wait there for whoever comes next.
    package func drain(timeout: Duration, keepsSockets: Bool = false) async {
        let all = state.withLock { $0.open + $0.leaving }
        let drained = all.map { $0.drain(timeout: TimeAmount(timeout), keepsSockets: keepsSockets) }
        for each in drained { try? await each.get() }
    }

    /// Closes every connection in the middle of what it does.
    package func breakOff() {
        for point in state.withLock({ $0.open + $0.leaving }) { point.breakOff() }
    }
}
