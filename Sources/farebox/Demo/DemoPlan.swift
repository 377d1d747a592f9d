import EVM
import Facilitator
import Ledger
import Pricing
import Primitives
import Proxy
import Transport
import X402

/// What the demo runs: one priced route on a mock rail, recorded in memory.
enum DemoPlan {
    static let pattern = "GET /v1/weather/:city"
    static let price = "$0.001"
    static let target = "/v1/weather/berlin"
    private static let assetID = "usdc@base-sepolia"
    /// The second of the well-known development accounts; nothing that is signed here moves value.
    private static let payTo = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

    static func make(listen: ListenAddress, upstreamPort: Int) throws -> NodePlan {
        guard let asset = AssetCatalogue.asset(id: assetID), let networks = NetworkPattern(asset.network),
            let amount = try Price.parse(price).amount(
                in: PricedAsset(id: asset.id, decimals: asset.decimals, isDollarPegged: true))
        else { throw NodeFailure("the demo's asset is not in the catalogue") }
        let offer = PaymentRequirements(
            network: Network(chainID: asset.chainID), asset: .address(asset.address), amount: amount,
            payTo: Account(payTo), maxTimeoutSeconds: 60,
            extra: OfferExtra(name: asset.name, version: asset.version))
        let route = RoutePlan(
            name: pattern, pattern: try RoutePattern.parse(pattern), upstream: 0, offers: [offer], timing: .before,
            chargeOn: .standard, redelivery: RedeliveryPolicy(), facts: .none, description: "The weather of one city",
            mimeType: "application/json")
        let adapter = AdapterConfiguration(
            scope: AdapterScope(id: "demo-chain", networks: [networks]), backend: .mockEVM(MockEVMSettings()))
        return NodePlan(
            paywall: PaywallPlan(
                addresses: [listen], limits: ServerLimits(), routes: [route],
                upstreams: [UpstreamConfiguration(name: "api", address: .host("127.0.0.1", port: upstreamPort))]),
            ledger: .memory, adapters: [adapter], drainTimeout: .seconds(5), hasAccessLog: false)
    }
}
