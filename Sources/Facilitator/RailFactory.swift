package import Ledger
package import Primitives
package import Transport
import X402

/// Makes rails of the file's adapters; a new kind of adapter is a folder under `Rails/` and a line here.
package struct RailFactory: Sendable {
    private let client: OutgoingClient
    private let ledger: any PaymentLedger
    private let clock: RailClock
    private let now: @Sendable () -> UnixTime

    /// The client calls bridges, facilitators and nodes; the ledger keeps their transactions apart.
    package init(
        client: OutgoingClient, ledger: any PaymentLedger, clock: RailClock = .system,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.now = now
        self.client = client
        self.ledger = ledger
        self.clock = clock
    }

    /// The rail of one adapter.
    package func make(_ configuration: AdapterConfiguration) throws(AdapterMistake) -> any Rail {
        let scope = configuration.scope
        try Self.check(configuration)
        switch configuration.backend {
        case .mockEVM(let settings): return MockEVMRail(scope, settings: settings)
        case .chain(let settings): return try chainRail(scope, settings)
        case .mockOffchain(let settings): return MockOffchainRail(scope, settings: settings)
        case .bridge(let settings):
            return try BridgeRail(scope, settings: settings, client: client, ledger: ledger, clock: clock)
        case .remote(let settings): return try RemoteRail(scope, settings: settings, client: client, clock: clock)
        }
    }

    private func chainRail(_ scope: AdapterScope, _ settings: ChainSettings) throws(AdapterMistake) -> any Rail {
        let node = try settings.node(adapter: scope.id, client: client, clock: clock)
        return ChainRail(
            scope, settings: settings, chain: Chain(node), ledger: ledger, clock: clock, now: now,
            condition: { node.condition })
    }

    /// What can be said of an adapter without building it.
    package static func check(_ configuration: AdapterConfiguration) throws(AdapterMistake) {
        let scope = configuration.scope
        if scope.networks.isEmpty { throw AdapterMistake(scope.id, key: "networks", .noNetworks) }
        let versions = Set(scope.versions)
        guard !versions.isEmpty, versions.isSubset(of: [1, 2]), versions.count == scope.versions.count else {
            throw AdapterMistake(scope.id, key: "x402_version", .wrongVersion)
        }
        if scope.schemes.contains("upto") {
            guard configuration.facilitator != nil else { throw AdapterMistake(scope.id, key: "scheme", .noUpto) }
            guard scope.versions.contains(2) else { throw AdapterMistake(scope.id, key: "scheme", .uptoVersion) }
        }
        switch configuration.backend {
        case .mockEVM: try scope.require(namespace: "eip155", else: .notEVM)
        case .chain(let settings):
            try scope.require(namespace: "eip155", else: .notEVM)
            guard scope.networks.count == 1, scope.networks[0].text == "eip155:\(settings.chainID)" else {
                throw AdapterMistake(scope.id, key: "networks", .notOneChain)
            }
            guard !settings.urls.isEmpty else { throw AdapterMistake(scope.id, key: "rpc_url", .notURL) }
            guard !settings.keys.isEmpty else { throw AdapterMistake(scope.id, key: "signer_key_env", .noSigner) }
            try scope.require(settings.settleTimeout, key: "settle_timeout")
        case .mockOffchain(let settings):
            try scope.require(namespace: "offchain", else: .notOffchain)
            try scope.require(settings.fields)
        case .bridge(let settings):
            try scope.require(namespace: "offchain", else: .notOffchain)
            try scope.require(settings.fields)
            try scope.require(settings.timeout, key: "timeout_seconds")
        case .remote(let settings):
            try scope.require(namespace: "eip155", else: .notEVM)
            try scope.require(settings.timeout, key: "timeout_seconds")
            try scope.require(settings.settleTimeout, key: "settle_timeout")
        }
    }
}

extension AdapterScope {
    fileprivate func require(
        namespace: String, else reason: AdapterMistake.Reason
    ) throws(AdapterMistake) {
        guard networks.allSatisfy({ $0.text.hasPrefix(namespace + ":") }) else {
            throw AdapterMistake(id, key: "networks", reason)
        }
    }

    fileprivate func require(_ fields: OffchainFields) throws(AdapterMistake) {
        if fields.identity.isEmpty { throw AdapterMistake(id, key: "identity", .noIdentity) }
    }

    fileprivate func require(_ timeout: Duration, key: String) throws(AdapterMistake) {
        guard timeout > .zero else { throw AdapterMistake(id, key: key, .notPositive) }
    }
}
