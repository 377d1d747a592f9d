import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What the TLS listeners of a process share: certificates that can be replaced, ticket keys, counts.
package final class ServerTLS: Sendable {
    private let inForce: Mutex<ServerTLSContext>
    private let tickets: TicketKeys
    package let counts = TLSCounts()
    /// Told of every handshake that fails, on the loop of its connection.
    let failed: (@Sendable (TransportError) -> Void)?

    /// Loads every file; the first mistake is thrown.
    package init(
        _ configuration: ServerTLSConfiguration, failed: (@Sendable (TransportError) -> Void)? = nil
    ) throws(ServerTLSMistake) {
        tickets = TicketKeys()
        inForce = Mutex(try ServerTLS.load(configuration, tickets))
        self.failed = failed
    }

    /// Certificates that are loaded and not in force yet.
    package struct Prepared: Sendable {
        fileprivate let context: ServerTLSContext
    }

    /// Loads every file of another configuration; nothing changes before `commit`.
    package func prepare(_ configuration: ServerTLSConfiguration) throws(ServerTLSMistake) -> Prepared {
        Prepared(context: try ServerTLS.load(configuration, tickets))
    }

    /// Replaces what new connections use; connections that are open keep theirs.
    ///
    /// Sessions from before can be resumed as long as what is asked of clients stays the same.
    package func commit(_ prepared: Prepared) { inForce.withLock { $0 = prepared.context } }

    /// Both at once: replaces everything, or nothing.
    package func adopt(_ configuration: ServerTLSConfiguration) throws(ServerTLSMistake) {
        commit(try prepare(configuration))
    }

    private static func load(
        _ configuration: ServerTLSConfiguration, _ tickets: TicketKeys
    ) throws(ServerTLSMistake) -> ServerTLSContext {
        var first: ServerTLSMistake?
        let context = ServerTLSContext.load(configuration, tickets: tickets) { first = first ?? $0 }
        guard let context else { throw first ?? ServerTLSMistake(.library, "there is no certificate") }
        return context
    }

    /// What is wrong with a configuration, and what its owner should know; the files are read.
    ///
    /// - Parameter now: Seconds since 1970, for what may be out of date; nil for the present.
    package static func check(
        _ configuration: ServerTLSConfiguration, now: Int? = nil
    ) -> (mistakes: [ServerTLSMistake], warnings: [ServerTLSMistake]) {
        var mistakes: [ServerTLSMistake] = []
        let context = ServerTLSContext.load(configuration, tickets: TicketKeys(), now: now ?? time(nil)) {
            mistakes.append($0)
        }
        var warnings: [ServerTLSMistake] = []
        for (index, certificate) in (context?.certificates ?? []).enumerated() {
            switch certificate.validity {
            case .valid: break
            case .expired: warnings.append(ServerTLSMistake(.certificateFile(index), "has expired: clients refuse it"))
            case .notYet: warnings.append(ServerTLSMistake(.certificateFile(index), "is not valid yet"))
            }
            if certificate.status?.isExpired == true {
                warnings.append(ServerTLSMistake(.statusFile(index), "is out of date and is not sent"))
            }
        }
        return (mistakes, warnings)
    }

    /// The state of one new connection.
    func makeEngine(offering protocols: [ApplicationProtocol]) throws(TransportError) -> TLSEngine {
        try TLSEngine(accepting: inForce.withLock { $0 }, offering: protocols)
    }
}

/// How handshakes ended, over all loops.
package final class TLSCounts: Sendable {
    private let done = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let broken = Atomic<Int>(0)

    /// Handshakes that succeeded.
    package var completed: Int { done.load(ordering: .relaxed) }
    /// Those among them that took up an earlier session.
    package var resumed: Int { taken.load(ordering: .relaxed) }
    /// Handshakes that failed or were given up.
    package var failed: Int { broken.load(ordering: .relaxed) }

    func complete(isResumed: Bool) {
        done.add(1, ordering: .relaxed)
        if isResumed { taken.add(1, ordering: .relaxed) }
    }

    func fail() { broken.add(1, ordering: .relaxed) }
}
