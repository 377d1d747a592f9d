package import NIOCore

/// One upstream: its servers, and how requests are spread over them.
package struct UpstreamGroupConfiguration: Sendable {
    /// One server of the upstream.
    package struct Member: Sendable {
        package var configuration: UpstreamConfiguration
        /// Its share of the requests, against those of the others.
        package var weight: Int
        /// Whether it is only asked while no other server is available.
        package var isBackup: Bool

        package init(_ configuration: UpstreamConfiguration, weight: Int = 1, isBackup: Bool = false) {
            self.configuration = configuration
            self.weight = weight
            self.isBackup = isBackup
        }
    }

    /// The most servers of one upstream.
    package static let maxMembers = 64
    /// The largest weight of a server.
    package static let maxWeight = 1000

    package var name: String
    /// At least one.
    package var members: [Member]
    package var balance = BalancePolicy.roundRobin
    package var breaker = BreakerPolicy()
    /// How long a server that came back, or was added, takes to get its full share.
    package var slowStart = TimeAmount.seconds(10)
    /// Other servers that one request may be tried on.
    package var retries = 1
    /// Retries in 100 requests, beyond a few at first.
    package var retryPercent = 20

    package init(name: String, members: [Member]) {
        precondition(!members.isEmpty && members.count <= Self.maxMembers, "an upstream has 1 to 64 servers")
        self.name = name
        self.members = members
    }

    /// An upstream of one server.
    package init(_ configuration: UpstreamConfiguration) {
        self.init(name: configuration.name, members: [Member(configuration)])
    }
}

/// How a server is chosen for a request.
package enum BalancePolicy: Sendable, Hashable {
    /// In turn, each as often as its weight says.
    case roundRobin
    /// The one with the fewest requests under way from this event loop, by weight.
    case leastOutstanding
    /// The same server for the same key, as long as it is available.
    case hash(HashSource)

    /// What of a request is the key.
    package enum HashSource: Sendable, Hashable {
        case client
        case path
        /// A request field, its name in lower case.
        case header(String)
    }
}
