import COpenSSL
import Synchronization

/// The last TLS session with each server, to be taken up by a later connection.
///
/// What is kept was never part of a connection and is only copied, so that connections of several loops can use it.
final class ClientSessions: Sendable {
    /// An `SSL_SESSION` that nobody changes.
    private final class Kept: @unchecked Sendable {
        let session: OpaquePointer

        init(_ session: OpaquePointer) { self.session = session }

        deinit { SSL_SESSION_free(session) }
    }

    /// The servers remembered; with one more all are forgotten, which costs each one full handshake.
    static let maxServers = 256

    private let kept = Mutex<[String: Kept]>([:])

    /// The place of one server's session.
    struct Slot: Sendable {
        fileprivate let sessions: ClientSessions
        fileprivate let host: String

        /// Keeps a copy of a session that OpenSSL has just made.
        func keep(_ session: OpaquePointer) {
            guard SSL_SESSION_is_resumable(session) == 1, let copy = SSL_SESSION_dup(session) else { return }
            let kept = Kept(copy)
            sessions.kept.withLock { sessions in
                if sessions.count >= ClientSessions.maxServers, sessions[host] == nil { sessions.removeAll() }
                sessions[host] = kept
            }
        }

        /// Lets a new connection ask for the session that is kept, if any.
        func resume(_ ssl: OpaquePointer) {
            guard let kept = sessions.kept.withLock({ $0[host] }), let copy = SSL_SESSION_dup(kept.session) else {
                return
            }
            SSL_set_session(ssl, copy)
            SSL_SESSION_free(copy)
        }
    }

    func slot(of host: String) -> Slot { Slot(sessions: self, host: host) }
}
