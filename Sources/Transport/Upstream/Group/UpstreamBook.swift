package import NIOCore
import Synchronization

/// What a process knows of its upstream servers, by name and address: it outlives a reload of the file.
package final class UpstreamBook: Sendable {
    private struct Key: Hashable {
        var upstream: String
        var place: String

        init(_ configuration: UpstreamConfiguration) {
            upstream = configuration.name
            place = configuration.address.description
        }
    }

    private let servers = Mutex<[Key: UpstreamServer]>([:])

    package init() {}

    /// The server of this configuration; made at the first question.
    ///
    /// One that joins known servers of the same upstream counts as added at `time`.
    package func server(for configuration: UpstreamConfiguration, now time: NIODeadline) -> UpstreamServer {
        let key = Key(configuration)
        return servers.withLock { servers in
            if let known = servers[key] { return known }
            let isAdded = servers.keys.contains { $0.upstream == key.upstream }
            let server = UpstreamServer(addedAt: isAdded ? time : nil)
            servers[key] = server
            return server
        }
    }

    /// Makes the servers of a file known, and forgets those of none of the given ones.
    package func keep(_ configurations: [UpstreamConfiguration], now time: NIODeadline) {
        let keys = Set(configurations.map(Key.init))
        servers.withLock { servers in
            let known = Set(servers.keys.map(\.upstream))
            for key in keys where servers[key] == nil {
                servers[key] = UpstreamServer(addedAt: known.contains(key.upstream) ? time : nil)
            }
            servers = servers.filter { keys.contains($0.key) }
        }
    }
}
