package import NIOCore

/// One upstream server and the bounds of our connections to it.
package struct UpstreamConfiguration: Sendable {
    /// Where the upstream listens.
    package enum Address: Sendable, Equatable, CustomStringConvertible {
        case host(String, port: Int)
        case unix(String)

        /// `name:port`, `[address]:port` or `unix:/path`.
        package var description: String {
            switch self {
            case .host(let name, let port): name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
            case .unix(let path): "unix:\(path)"
            }
        }

        /// The value of a Host field for the server itself.
        package var authority: String {
            switch self {
            case .host: description
            case .unix: "localhost"
            }
        }

        /// A host that must be resolved, with its port.
        var name: (host: String, port: Int)? {
            guard case .host(let host, let port) = self, (try? SocketAddress(ipAddress: host, port: port)) == nil else {
                return nil
            }
            return (host, port)
        }
    }

    /// A name for logs and metrics.
    package var name: String
    package var address: Address
    /// Nil for a server that is spoken to in the clear.
    package var tls: UpstreamTLS?
    package var `protocol` = UpstreamProtocol.auto
    /// Bounds of HTTP/2 connections, and of their streams.
    package var http2 = UpstreamHTTP2Limits()
    package var connectTimeout: TimeAmount = .seconds(5)
    /// Longest time from the end of the request to the first byte of the answer.
    package var firstByteTimeout: TimeAmount = .seconds(60)
    /// Longest time between two bytes of an answer that is being read, or taken of a request that is being sent.
    package var bodyIdleTimeout: TimeAmount = .seconds(60)
    /// Longest time that a connection waits for its next request; shorter than the upstream's own.
    package var keepAliveTimeout: TimeAmount = .seconds(30)
    /// Longest time that a request waits for a connection.
    package var queueTimeout: TimeAmount = .seconds(5)
    /// Connections at once, per event loop.
    package var maxConnections = 512
    /// Requests that wait for a connection, per event loop.
    package var maxQueued = 1024
    /// The fields that tell the upstream who its client is.
    package var forwarded = ForwardedForm.x
    /// Longest answer in bytes, kept by whoever takes it; nil for no limit.
    package var maxResponseBytes: UInt64?
    /// Bounds of response heads and trailer sections.
    package var head = HeadLimits(maxHeadBytes: 64 * 1024)
    /// Unsent bytes at which a request body pauses, and to which they must fall before it goes on.
    package var writeBufferLow = 64 * 1024
    package var writeBufferHigh = 256 * 1024

    package init(name: String, address: Address) {
        self.name = name
        self.address = address
    }
}
