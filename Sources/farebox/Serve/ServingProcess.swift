import ArgumentParser
import Facilitator
import Foundation
import Logging
import NIOCore
import RouteFile
import Synchronization
import Transport
import X402

/// A process that serves until a signal ends it.
struct ServingProcess: Sendable {
    private let options: ServingOptions
    private let servesPaywall: Bool
    private let log = LogOutput()
    private let manager: ServiceManager
    private let successor = Successor()

    init(options: ServingOptions, servesPaywall: Bool) {
        self.options = options
        self.servesPaywall = servesPaywall
        let process = ProcessInfo.processInfo
        manager = ServiceManager(ServiceEnvironment(process.environment, processID: process.processIdentifier))
    }

    func run() async throws {
        // Trapped before anything else: a signal during the start ends it like any other.
        let signals = await ProcessSignals.trap()
        let loops = try options.loopCount()
        let engine = try options.engine()
        let plan = plan(try options.file.loadOrFail())
        if let reason = plan.servesNothing {
            OutputStream.notes.line("\(options.file.path): \(reason)")
            throw ExitStatus.failure
        }
        let group: any EventLoopGroup
        do {
            group = try engine.makeGroup(loops: loops)
        } catch {
            OutputStream.notes.line("event loops: \(error)")
            throw ExitStatus.failure
        }
        let course = Course()
        // Signals are minded to the very end.
        let ending = await Self.beside {
            await signals.listen { receive($0, course) }
        } run: {
            let ending = await serve(plan, on: group, course)
            await log.close()
            try? await group.shutdownGracefully()
            return ending
        }
        if ending.status == .success, course.state.withLock({ $0.isReplacing }) {
            OutputStream.notes.line("farebox: " + successor.takeOver(ending.sockets, ending.inherited))
            throw ExitStatus.failure
        }
        if ending.status != .success { throw ending.status }
    }

    /// How serving ended, and what a successor goes on with.
    private struct Ending: Sendable {
        var status = ExitStatus.success
        var sockets: [(address: ListenAddress, sockets: [ListeningSocket])] = []
        var inherited = InheritedSockets.none
    }

    /// What the signals so far have asked for.
    private final class Course: Sendable {
        let state = Mutex(SignalState())
        let haste = Haste()
        let orders: AsyncStream<SignalOrder>
        let give: AsyncStream<SignalOrder>.Continuation

        init() { (orders, give) = AsyncStream.makeStream() }
    }

    private func serve(_ plan: NodePlan, on group: any EventLoopGroup, _ course: Course) async -> Ending {
        let openFiles = FileDescriptors.raiseLimit()
        let logger = log.logger()
        for warning in plan.file.warnings { logger.warning("warning of the file", metadata: warning.metadata) }
        return await Self.beside {
            await manager.keepAlive(group)
        } run: {
            do throws(NodeFailure) {
                let inherited = try Self.inheritedSockets()
                var ending = try await Node.run(
                    plan, group: group, log: log, inherited: inherited, haste: course.haste
                ) { node in
                    for address in inherited.closeUnclaimed() {
                        logger.notice("no longer listening", metadata: ["address": "\(address)"])
                    }
                    logger.notice("ready", metadata: plan.summary(loops: group.loopCount, openFiles: openFiles))
                    manager.tell(.ready(plan.status))
                    return await follow(node, course)
                }
                ending.inherited = inherited
                return ending
            } catch {
                logger.critical("cannot start", metadata: ["reason": "\(error)"])
                manager.tell(.stopping("cannot start: \(error)"))
                return Ending(status: .failure)
            }
        }
    }

    /// Runs a body, and beside it what lasts as long as it does.
    private static func beside<R: Sendable>(
        _ companion: @escaping @Sendable () async -> Void, run body: @Sendable () async -> R
    ) async -> R {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await companion() }
            defer { tasks.cancelAll() }
            return await body()
        }
    }

    /// The sockets that the process was started with; the variable that a predecessor left is read once.
    private static func inheritedSockets() throws(NodeFailure) -> InheritedSockets {
        let process = ProcessInfo.processInfo
        defer { unsetenv(InheritedListing.keptVariable) }
        guard let listing = InheritedListing(environment: process.environment, processID: process.processIdentifier)
        else { throw NodeFailure("LISTEN_FDS, LISTEN_FDNAMES or \(InheritedListing.keptVariable) make no sense") }
        do {
            return try InheritedSockets(listing)
        } catch {
            throw NodeFailure("a socket that was passed to the process: \(error.description)")
        }
    }

    // MARK: Signals

    /// Takes a signal, at whatever moment it comes.
    private func receive(_ signal: SignalState.Kind, _ course: Course) {
        guard let order = course.state.withLock({ $0.received(signal) }) else { return }
        switch order {
        case .reload, .stop, .replace: course.give.yield(order)
        case .stopInstead: log.logger().notice("stopping for good")
        case .hurry:
            log.logger().warning("asked to stop again: nothing is waited for")
            course.haste.want()
        // The ledger is made for this: the next start finds what was open.
        case .abandon: _exit(ExitStatus.failure.rawValue)
        }
    }

    /// Does what signals ask for until one asks for the end.
    private func follow(_ node: Node, _ course: Course) async -> Ending {
        let logger = log.logger()
        for await order in course.orders {
            switch order {
            case .reload:
                manager.tellReloading()
                manager.tell(.ready(await reload(node, logger)))
            case .replace:
                if let fault = await successor.fault(of: options.file.path) {
                    logger.error("not replaced", metadata: ["reason": "\(fault)"])
                } else if course.state.withLock({ $0.beginReplacing() }) {
                    logger.notice("making way for the next program")
                    manager.tellReloading()
                    return Ending(sockets: node.keepSockets())
                }
            case .stop, .stopInstead, .hurry, .abandon:
                manager.tell(.stopping("draining"))
                return Ending()
            }
        }
        return Ending()
    }

    /// Reads the file again; returns what is in force now, in words.
    private func reload(_ node: Node, _ logger: Logger) async -> String {
        do throws(RouteFileErrors) {
            let next = plan(try options.file.load())
            do throws(NodeFailure) {
                if let reason = next.servesNothing { throw NodeFailure(reason) }
                try await node.adopt(next)
                for warning in next.file.warnings { logger.warning("warning of the file", metadata: warning.metadata) }
                logger.notice("reloaded", metadata: ["routes": "\(next.file.routes.count)"])
                return next.status
            } catch {
                logger.error("not reloaded, the old file stays in force", metadata: ["reason": "\(error)"])
                return "not reloaded, the old file stays in force: \(error)"
            }
        } catch {
            for mistake in error.mistakes { logger.error("mistake in the file", metadata: mistake.metadata) }
            logger.error(
                "not reloaded, the old file stays in force", metadata: ["mistakes": "\(error.mistakes.count)"])
            return "not reloaded, the old file stays in force: mistakes in the file: \(error.mistakes.count)"
        }
    }

    private func plan(_ file: RouteFile) -> NodePlan {
        NodePlan(file: file, servesPaywall: servesPaywall, accessLogOverride: options.quietAccessLog ? false : nil)
    }
}

extension EventLoopGroup {
    fileprivate var loopCount: Int { Array(makeIterator()).count }
}

extension NodePlan {
    fileprivate func summary(loops: Int, openFiles: UInt64) -> Logger.Metadata {
        [
            "version": "\(FareboxVersion.text)", "loops": "\(loops)", "openFiles": "\(openFiles)",
            "routes": "\(servesPaywall ? file.routes.count : 0)",
            "adapters": .array(file.adapters.map { "\($0.scope.id)" }),
        ]
    }

    /// What a service manager shows of the process.
    fileprivate var status: String {
        let routes = servesPaywall ? "\(file.routes.count) routes" : "no paywall"
        return routes + (file.facilitator == nil ? "" : ", facilitator")
    }
}

extension RouteFileMistake {
    /// For a line of the log.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["file": "\(file)", "reason": "\(reason)"]
        if line > 0 { metadata["line"] = "\(line)" }
        if !key.isEmpty { metadata["key"] = "\(key)" }
        if let suggestion { metadata["suggestion"] = "\(suggestion)" }
        return metadata
    }

    var json: JSONValue {
        .members([
            "file": .string(file), "line": line > 0 ? .integer(line) : nil, "key": key.isEmpty ? nil : .string(key),
            "reason": .string(reason), "suggestion": .text(suggestion),
        ])
    }
}
