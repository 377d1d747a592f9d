import NIOCore

/// A connection that is being made; its kind is what the two sides agree on.
final class UpstreamAttempt: Deadlined {
    /// What became of it.
    enum Made {
        case http1(UpstreamConnection)
        case http2(UpstreamHTTP2Connection)
    }

    let pool: UpstreamPool
    private(set) var made: Made?

    init(pool: UpstreamPool) {
        self.pool = pool
    }

    /// What is offered by ALPN.
    var offer: [ApplicationProtocol] { pool.configuration.protocol.offer }

    /// Puts the handler of the connection last into a channel; into a further one where the one before came to nothing.
    ///
    /// - Parameters:
    ///   - chosen: What ALPN chose; without TLS, what is spoken from the start.
    ///   - isAlone: Whether nothing else stands in the pipeline.
    func install(_ chosen: ApplicationProtocol?, on channel: any Channel, isAlone: Bool = false) throws {
        let pipeline = channel.pipeline.syncOperations
        switch try connection(chosen) {
        case .http1(let connection):
            try pipeline.addHandler(connection)
            if isAlone { connection.use(channel as? any DirectChannel) }
        case .http2(let connection): try pipeline.addHandler(connection)
        }
    }

    private func connection(_ chosen: ApplicationProtocol?) throws -> Made {
        if let made { return made }
        // Who chose nothing speaks HTTP/1.1 (RFC 9113 §3.2).
        let chosen = chosen ?? .http1
        if pool.configuration.protocol == .http2, chosen != .http2 { throw UpstreamError.notHTTP2 }
        let made: Made
        switch chosen {
        case .http1:
            let connection = UpstreamConnection(pool: pool)
            pool.sweep.add(connection)
            made = .http1(connection)
        case .http2:
            let connection = UpstreamHTTP2Connection(pool: pool)
            pool.sweep.add(connection)
            made = .http2(connection)
        }
        self.made = made
        return made
    }

    /// Stops watching what was made for nothing.
    func gaveUp() {
        switch made {
        case .http1(let connection): pool.sweep.remove(connection)
        case .http2(let connection): pool.sweep.remove(connection)
        case nil: break
        }
    }

    /// Closes what was made.
    func close() {
        switch made {
        case .http1(let connection): connection.close()
        case .http2(let connection): connection.close()
        case nil: break
        }
    }
}
