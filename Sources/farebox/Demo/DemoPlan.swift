import RouteFile
import Transport

/// What the demo runs: one priced route on a mock rail, recorded in memory.
enum DemoPlan {
    static let pattern = "GET /v1/weather/:city"
    static let price = "$0.001"
    static let target = "/v1/weather/berlin"

    /// The route file, as an owner would write it.
    ///
    /// Paid is the second of the well-known development accounts; nothing that is signed here moves value.
    static func file(listen: String, upstreamPort: Int) -> String {
        """
        [server]
        listen = "\(listen)"
        access_log = false
        drain_timeout = "5s"

        [ledger]
        url = "memory:"

        [payments]
        pay_to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        accepts = ["usdc@base-sepolia"]

        [[upstreams]]
        name = "api"
        url = "http://127.0.0.1:\(upstreamPort)"

        [[routes]]
        match = "\(pattern)"
        upstream = "api"
        price = "\(price)"
        description = "The weather of one city"
        mime_type = "application/json"

        [[adapters]]
        kind = "evm"
        id = "demo-chain"
        networks = ["eip155:84532"]
        [adapters.backend]
        type = "mock"
        """
    }

    static func make(listen: String, upstreamPort: Int) throws(RouteFileErrors) -> NodePlan {
        NodePlan(
            file: try RouteFile.parse(
                text: file(listen: listen, upstreamPort: upstreamPort), fileName: "demo", environment: [:]))
    }
}
