import NIOCore

/// What the connections of one listening address speak.
package struct ListenerOptions: Sendable {
    package init() {}
}

/// Puts the handlers into the channel of a new connection.
struct ServerPipeline {
    let loop: ServerLoop
    let options: ListenerOptions

    func install(on channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(ServerConnection(loop: loop))
    }
}
