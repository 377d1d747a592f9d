import Facilitator
import Ledger
import Logging
import NIOCore
import NIOPosix
import Primitives
import Proxy
import RouteFile
import Synchronization
import Transport

/// A running process: ledger, rails, and the listeners that share them.
final class Node: Sendable {
    /// The file in force.
    private let plan: Mutex<NodePlan>
    private let logger: Logger
    private let rails: RailsInForce
    private let factory: RailFactory
    private let batcher: Batcher
    private let listeners: NodeListeners
    /// Whether the sockets stay open when the listeners are drained.
    private let keepsSockets = Atomic(false)
    /// The ledger, for those in the process who show it.
    let ledger: any PaymentLedger

    private init(
        plan: NodePlan, logger: Logger, rails: RailsInForce, factory: RailFactory, batcher: Batcher,
        listeners: NodeListeners, ledger: any PaymentLedger
    ) {
        self.plan = Mutex(plan)
        self.logger = logger
        self.rails = rails
        self.factory = factory
        self.batcher = batcher
        self.listeners = listeners
        self.ledger = ledger
    }

    /// How often open payments are asked about.
    private static let workerInterval: Duration = .seconds(30)

    /// Runs everything for as long as `body` does, then drains: listeners, then rails, then the ledger.
    ///
    /// No listener opens before the payments that a crash left open have been looked at, and the ledger closes after the
    /// last of those who write to it.
    ///
    /// - Parameters:
    ///   - inherited: Sockets that the process was started with.
    ///   - haste: Cuts the draining short.
    static func run<R: Sendable>(
        _ plan: NodePlan, group: any EventLoopGroup, log: LogOutput,
        inherited: InheritedSockets = .none, haste: Haste = Haste(), body: @Sendable (Node) async -> R
    ) async throws(NodeFailure) -> R {
        // Rails are asked from a thread of their own: that is rare and slow, and needs names to be looked up.
        let outgoing = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<R, NodeFailure>
        do throws(NodeFailure) {
            result = .success(
                try await run(
                    plan, group: group, outgoing: outgoing, log: log, inherited: inherited, haste: haste, body: body))
        } catch {
            result = .failure(error)
        }
        try? await outgoing.shutdownGracefully()
        return try result.get()
    }

    private static func run<R: Sendable>(
        _ plan: NodePlan, group: any EventLoopGroup, outgoing: any EventLoopGroup, log: LogOutput,
        inherited: InheritedSockets, haste: Haste, body: @Sendable (Node) async -> R
    ) async throws(NodeFailure) -> R {
        let logger = log.logger()
        let ledger = try plan.file.ledger.open()
        do {
            let client = try OutgoingClient(group: outgoing)
            let factory = RailFactory(client: client, ledger: ledger, now: PaywallShared.systemTime)
            let opening = Opening(
                group: group, log: log, ledger: ledger, factory: factory, client: client, inherited: inherited,
                haste: haste)
            let result = try await run(plan, opening, body: body)
            await client.shutdown()
            await ledger.close()
            logger.notice("stopped")
            return result
        } catch let error as NodeFailure {
            await ledger.close()
            throw error
        } catch let error as TransportError {
            await ledger.close()
            throw .transport(error)
        } catch {
            await ledger.close()
            throw NodeFailure("\(error)")
        }
    }

    /// What a process has before it has listeners.
    private struct Opening: Sendable {
        let group: any EventLoopGroup
        let log: LogOutput
        let ledger: any PaymentLedger
        let factory: RailFactory
        let client: OutgoingClient
        let inherited: InheritedSockets
        let haste: Haste
    }

    private static func run<R: Sendable>(
        _ plan: NodePlan, _ opening: Opening, body: @Sendable (Node) async -> R
    ) async throws -> R {
        let (ledger, factory, haste) = (opening.ledger, opening.factory, opening.haste)
        let logger = opening.log.logger()
        let rails = RailsInForce(try plan.registry(factory))
        try await prepare(rails.registry, of: plan, logger)
        let backlog = TransitionBacklog()
        let worker = SettlementWorker(
            ledger: ledger, rail: { rails.rail(id: $0) }, rails: { rails.registry.rails },
            now: PaywallShared.systemTime, logger: logger, backlog: backlog)
        let batcher = Batcher(
            ledger: ledger, rail: { rails.rail(id: $0) }, plan: plan.file.batch.plan, now: PaywallShared.systemTime,
            logger: logger)
        do {
            try await worker.recover()
        } catch {
            throw NodeFailure.ledger(error)
        }
        let desk = RailDesk()
        let shared = PaywallShared(
            ledger: ledger, desk: desk, accessLog: opening.log.sink,
            addressKey: ledger.addressKey ?? Self.randomKey(),
            maxTracked: plan.file.maxTracked, backlog: backlog)
        async let jobs: Void = desk.run()
        do {
            let listeners = try await NodeListeners.open(
                plan, registry: rails.registry,
                in: NodeListeners.Surroundings(
                    group: opening.group, inherited: opening.inherited, shared: shared, client: opening.client,
                    logger: logger))
            let node = Node(
                plan: plan, logger: logger, rails: rails, factory: factory, batcher: batcher, listeners: listeners,
                ledger: ledger)
            let result = await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await worker.run(every: workerInterval) }
                tasks.addTask { await batcher.run() }
                tasks.addTask { await node.watchRails() }
                tasks.addTask { await listeners.watchCertificates() }
                tasks.addTask { await UpstreamWatch(shared.upstreams, group: opening.group, logger: logger).run() }
                let result = await body(node)
                tasks.addTask {
                    await haste.wanted()
                    while !Task.isCancelled {
                        listeners.breakOff()
                        try? await Task.sleep(for: .milliseconds(100))
                    }
                }
                await node.drain(haste)
                tasks.cancelAll()
                return result
            }
            desk.close()
            await jobs
            await settle(opening.group)
            // Authorizations do not wait for the next start, unless somebody cannot wait for them.
            if !haste.isWanted { await batcher.flush() }
            return result
        } catch {
            desk.close()
            await jobs
            throw error
        }
    }

    /// Readies the rails, and says what must not go unnoticed.
    private static func prepare(
        _ registry: AdapterRegistry, of plan: NodePlan, _ logger: Logger
    ) async throws(NodeFailure) {
        for notice in plan.notices(of: registry) { logger.warning("notice", metadata: ["notice": "\(notice)"]) }
        for rail in registry.rails {
            do {
                for notice in try await rail.prepare() { logger.warning("notice", metadata: ["notice": "\(notice)"]) }
            } catch {
                throw NodeFailure("adapter `\(error.adapter)`: \(error.message)")
            }
        }
    }

    private func drain(_ haste: Haste) async {
        let server = plan.withLock { $0.file.server }
        if server.drainDelay > .zero, !keepsSockets.load(ordering: .acquiring) {
            logger.notice("going to drain", metadata: ["delay": "\(server.drainDelay)"])
            await haste.sleep(for: server.drainDelay)
        }
        logger.notice("draining", metadata: ["timeout": "\(server.drainTimeout)"])
        await listeners.drain(
            timeout: haste.isWanted ? .zero : server.drainTimeout,
            keepsSockets: keepsSockets.load(ordering: .acquiring))
    }

    /// Has the sockets stay open at the end, and returns them; connections wait in them for another program.
    func keepSockets() -> [(address: ListenAddress, sockets: [ListeningSocket])] {
        keepsSockets.store(true, ordering: .releasing)
        return listeners.sockets
    }

    /// Lets the loops write what the last rails said: each round is one answer of the ledger.
    ///
    /// What would still be missing is found by recovery at the next start.
    private static func settle(_ group: any EventLoopGroup) async {
        for _ in 0..<3 {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Where the paywall can be reached, by the first of its addresses.
    var paywallAddress: SocketAddress? { listeners.paywall?.localAddresses.first }

    /// Takes a new file in whole, or nothing of it; one call at a time.
    func adopt(_ next: NodePlan) async throws(NodeFailure) {
        let registry = try next.registry(factory)
        // The last step that can fail.
        let change = try await listeners.prepare(next, registry: registry)
        await listeners.adopt(change, next, registry: registry)
        rails.adopt(registry)
        batcher.adopt(next.file.batch.plan)
        let before = plan.withLock { plan in
            defer { plan = next }
            return plan
        }
        for change in before.restartNeeded(for: next) {
            logger.warning("change needs a restart", metadata: ["key": "\(change)"])
        }
        for notice in next.notices(of: registry) { logger.warning("notice", metadata: ["notice": "\(notice)"]) }
    }

    /// How often it is looked whether a rail is up.
    private static let railInterval: Duration = .seconds(1)

    /// Takes the offers of rails that are down out of the 402s while others are left, and puts them back.
    private func watchRails() async {
        var known: [String: RailCondition] = [:]
        while (try? await Task.sleep(for: Self.railInterval)) != nil {
            let registry = rails.registry
            for rail in registry.rails where rail.canBeProbed && rail.condition != .ready { await rail.probe() }
            let now = Dictionary(
                registry.rails.filter(\.canBeProbed).map { ($0.id, $0.condition) },
                uniquingKeysWith: { first, _ in first })
            let changed = now.filter { known[$0.key] ?? .ready != $0.value }
            known = now
            guard !changed.isEmpty else { continue }
            for (id, condition) in changed.sorted(by: { $0.key < $1.key }) {
                logger.warning("rail", metadata: ["adapter": "\(id)", "condition": "\(condition.rawValue)"])
            }
            await listeners.renew(plan.withLock { $0 }, registry: registry)
        }
    }

    /// A key of this process, for a ledger that ends with it.
    private static func randomKey() -> Bytes32 {
        var generator = SystemRandomNumberGenerator()
        return Bytes32.random(using: &generator)
    }
}

extension NodePlan {
    /// What must not go unnoticed.
    func notices(of registry: AdapterRegistry) -> [String] {
        registry.notices + (exposure.map { [$0] } ?? [])
    }

    /// Builds the adapters of the file.
    func registry(_ factory: RailFactory) throws(NodeFailure) -> AdapterRegistry {
        do {
            return try AdapterRegistry(file.adapters.map { try factory.make($0) })
        } catch {
            throw NodeFailure("\(error)")
        }
    }
}
