import ArgumentParser
import Facilitator
import Logging
import NIOCore
import NIOPosix
import RouteFile
import X402

/// A process that serves until a signal ends it.
struct ServingProcess: Sendable {
    private let options: ServingOptions
    private let servesPaywall: Bool

    init(options: ServingOptions, servesPaywall: Bool) {
        self.options = options
        self.servesPaywall = servesPaywall
    }

    func run() async throws {
        // Trapped before anything else: a signal during the start ends it like any other.
        let signals = await StopSignals.trap()
        let loops = try options.loopCount()
        let plan = plan(try options.file.loadOrFail())
        if let reason = plan.servesNothing {
            OutputStream.notes.line("\(options.file.path): \(reason)")
            throw ExitStatus.failure
        }
        let openFiles = FileDescriptors.raiseLimit()
        let log = LogOutput()
        let logger = log.logger()
        for warning in plan.file.warnings { logger.warning("warning of the file", metadata: warning.metadata) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var status = ExitStatus.success
        do throws(NodeFailure) {
            try await Node.run(plan, group: group, log: log) { node in
                logger.notice("ready", metadata: plan.summary(loops: loops, openFiles: openFiles))
                await signals.untilStopped { await reload(node, logger) }
            }
        } catch {
            logger.critical("cannot start", metadata: ["reason": "\(error)"])
            status = .failure
        }
        await log.close()
        try? await group.shutdownGracefully()
        if status != .success { throw status }
    }

    private func reload(_ node: Node, _ logger: Logger) async {
        do throws(RouteFileErrors) {
            let next = plan(try options.file.load())
            do throws(NodeFailure) {
                if let reason = next.servesNothing { throw NodeFailure(reason) }
                try await node.adopt(next)
                for warning in next.file.warnings { logger.warning("warning of the file", metadata: warning.metadata) }
                logger.notice("reloaded", metadata: ["routes": "\(next.file.routes.count)"])
            } catch {
                logger.error("not reloaded, the old file stays in force", metadata: ["reason": "\(error)"])
            }
        } catch {
            for mistake in error.mistakes { logger.error("mistake in the file", metadata: mistake.metadata) }
            logger.error(
                "not reloaded, the old file stays in force", metadata: ["mistakes": "\(error.mistakes.count)"])
        }
    }

    private func plan(_ file: RouteFile) -> NodePlan {
        NodePlan(file: file, servesPaywall: servesPaywall, accessLogOverride: options.quietAccessLog ? false : nil)
    }
}

extension NodePlan {
    fileprivate func summary(loops: Int, openFiles: UInt64) -> Logger.Metadata {
        [
            "version": "\(FareboxVersion.text)", "loops": "\(loops)", "openFiles": "\(openFiles)",
            "routes": "\(servesPaywall ? file.routes.count : 0)",
            "adapters": .array(file.adapters.map { "\($0.scope.id)" }),
        ]
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
