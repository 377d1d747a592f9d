import Logging
import RouteFile
import Synchronization
import Transport

/// Takes certificates over when their files change.
///
/// A certificate and its key are two files, and who renews them writes one after the other: what does not fit together
/// changes nothing, and is looked at again when a file changes once more.
final class CertificateWatch: Sendable {
    fileprivate struct State {
        var configuration: ServerTLSConfiguration
        /// The files as they were when they were last looked at.
        var stamps: [FileStamp?]
    }

    /// What listeners use.
    let tls: ServerTLS
    private let state: Mutex<State>
    private let logger: Logger

    /// How often the files are looked at.
    static let interval: Duration = .seconds(2)

    private init(_ configuration: ServerTLSConfiguration, _ logger: Logger) throws(ServerTLSMistake) {
        // Before the files are read: a change in between is then seen as one.
        let stamps = configuration.files.map(FileStamp.init)
        tls = try ServerTLS(configuration) { error in
            logger.debug("handshake failed", metadata: ["reason": "\(error)"])
        }
        state = Mutex(State(configuration: configuration, stamps: stamps))
        self.logger = logger
    }

    /// Loads the certificates of a file; nil where it has none.
    static func open(_ plan: NodePlan, _ logger: Logger) throws(NodeFailure) -> CertificateWatch? {
        guard let configuration = plan.file.server.tls?.configuration else { return nil }
        do {
            return try CertificateWatch(configuration, logger)
        } catch {
            throw NodeFailure("server.tls: \(error)")
        }
    }

    /// The certificates of a new file that is not in force yet.
    struct Change: Sendable {
        fileprivate let state: State
        fileprivate let certificates: ServerTLS.Prepared
    }

    /// Loads what a new file says, nil where it has no certificates.
    ///
    /// Nothing changes before `commit`.
    func prepare(_ plan: NodePlan) throws(NodeFailure) -> Change? {
        // Without its table no address speaks TLS any more; connections that still drain do not need other certificates.
        guard let configuration = plan.file.server.tls?.configuration else { return nil }
        let stamps = configuration.files.map(FileStamp.init)
        do {
            let prepared = try tls.prepare(configuration)
            return Change(state: State(configuration: configuration, stamps: stamps), certificates: prepared)
        } catch {
            throw NodeFailure("server.tls: \(error)")
        }
    }

    /// Puts prepared certificates in force for new connections.
    func commit(_ change: Change) {
        state.withLock { state in
            state = change.state
            tls.commit(change.certificates)
        }
    }

    /// Takes what is new, if the files have changed since the last look.
    func look() {
        do {
            let replaced = try state.withLock { state throws(ServerTLSMistake) -> ServerTLSConfiguration? in
                let stamps = state.configuration.files.map(FileStamp.init)
                guard state.stamps != stamps else { return nil }
                state.stamps = stamps
                try tls.adopt(state.configuration)
                return state.configuration
            }
            guard let replaced else { return }
            logger.notice("certificates replaced", metadata: ["certificates": "\(replaced.certificates.count)"])
            for warning in ServerTLS.check(replaced).warnings {
                logger.warning("notice", metadata: ["notice": "server.tls.\(warning)"])
            }
        } catch {
            logger.error(
                "certificates not replaced, the old ones stay in force", metadata: ["reason": "server.tls: \(error)"])
        }
    }
}
