package import NIOCore
import Synchronization

/// What a process knows of its upstream servers, by name and address: it outlives a reload of the file.
package final class UpstreamBook: Sendable {
    /// A server in force.
    struct Watched: Sendable {
        var group: UpstreamGroupConfiguration
        var member: UpstreamGroupConfiguration.Member
        var server: UpstreamServer
    }

    private struct Key: Hashable {
        var upstream: String
        var place: String

        init(_ configuration: UpstreamConfiguration) {
            upstream = configuration.name
            place = "\(configuration.tls == nil ? "" : "tls ")\(configuration.address)"
        }
    }

    private struct State {
        var servers: [Key: UpstreamServer] = [:]
        var watched: [Watched] = []

        mutating func server(for configuration: UpstreamConfiguration, among known: Set<String>, _ time: NIODeadline)
            -> UpstreamServer
        {
            let key = Key(configuration)
            if let server = servers[key] { return server }
            let server = UpstreamServer(addedAt: known.contains(key.upstream) ? time : nil)
            servers[key] = server
            return server
        }

        var names: Set<String> { Set(servers.keys.map(\.upstream)) }
    }

    private let state = Mutex(State())

    package init() {}

    /// The servers of the file in force.
    var watched: [Watched] { state.withLock { $0.watched } }

    /// The server of this configuration; made at the first question.
    ///
    /// One that joins known servers of the same upstream counts as added at `time`.
    package func server(for configuration: UpstreamConfiguration, now time: NIODeadline) -> UpstreamServer {
        state.withLock { $0.server(for: configuration, among: $0.names, time) }
    }

    /// Puts the servers of a file in force, and forgets those that it does not have.
    package func keep(_ groups: [UpstreamGroupConfiguration], now time: NIODeadline) {
        state.withLock { state in
            let names = state.names
            var watched: [Watched] = []
            for group in groups {
                for member in group.members {
                    let server = state.server(for: member.configuration, among: names, time)
                    server.change { $0.setChecked(group.health != nil) }
                    watched.append(Watched(group: group, member: member, server: server))
                }
            }
            state.watched = watched
            let keys = Set(watched.map { Key($0.member.configuration) })
            state.servers = state.servers.filter { keys.contains($0.key) }
        }
    }
}
