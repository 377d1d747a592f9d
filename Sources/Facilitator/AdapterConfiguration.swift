package import EVM
package import Primitives
package import X402

/// One `[[adapters]]` entry of the file, with every default filled in.
package struct AdapterConfiguration: Sendable {
    package var scope: AdapterScope
    package var backend: Backend

    package init(scope: AdapterScope, backend: Backend) {
        self.scope = scope
        self.backend = backend
    }

    /// Who settles under scheme upto, whom offers name; nil where nobody does.
    package var facilitator: Address? {
        switch backend {
        case .chain(let settings): settings.keys.first?.address
        case .mockEVM: MockEVMSettings.facilitator
        case .mockOffchain, .bridge, .remote: nil
        }
    }

    /// What stands behind an adapter; the keys are those of the file.
    package enum Backend: Sendable {
        /// `kind = "evm"`, backend `mock`.
        case mockEVM(MockEVMSettings)
        /// `kind = "evm"`, backend `rpc`.
        case chain(ChainSettings)
        /// `kind = "offchain"`, backend `mock`.
        case mockOffchain(MockOffchainSettings)
        /// `kind = "offchain"`, backend `http`.
        case bridge(BridgeSettings)
        /// `kind = "remote"`.
        case remote(RemoteSettings)
    }
}

/// What an adapter serves: the key of the registry.
package struct AdapterScope: Sendable {
    package var id: String
    /// x402 versions; offchain networks have no version 1 name.
    package var versions: [Int]
    /// `exact`, `upto` or both.
    package var schemes: [String]
    package var networks: [NetworkPattern]
    /// Names it settles with, for `/supported`.
    package var signers: [String]

    package init(
        id: String, versions: [Int] = [1, 2], schemes: [String] = ["exact"], networks: [NetworkPattern],
        signers: [String] = []
    ) {
        self.id = id
        self.versions = versions
        self.schemes = schemes
        self.networks = networks
        self.signers = signers
    }

    /// One entry of `/supported` for every scheme, version and network; upto has no version 1.
    ///
    /// `extra` goes with every entry, `uptoExtra` with those of upto.
    func kinds(extra: [JSONMember] = [], uptoExtra: [JSONMember] = []) -> [SupportedKind] {
        schemes.flatMap { scheme in
            networks.flatMap { network in
                versions(of: scheme).map {
                    SupportedKind(
                        x402Version: $0, scheme: scheme, network: network,
                        extra: extra + (scheme == "upto" ? uptoExtra : []))
                }
            }
        }
    }

    /// The versions that have the scheme.
    package func versions(of scheme: String) -> [Int] { scheme == "upto" ? versions.filter { $0 == 2 } : versions }

    /// The signers under every network that they settle on.
    var signersByPattern: [(pattern: String, signers: [String])] {
        signers.isEmpty ? [] : networks.map { ($0.text, signers) }
    }
}

/// Settings of the EVM rail without a chain.
package struct MockEVMSettings: Sendable {
    package var policy: TransferPolicy
    /// Domains of the assets that routes offer, beside the catalogue's.
    package var domains: [TypedDataDomain]

    /// Whom payers name as facilitator under scheme upto; nobody has its key.
    package static let facilitator: Address = {
        guard let address = Address("0x000000000000000000000000000000000000Fa2e") else {
            preconditionFailure("a constant address")
        }
        return address
    }()

    package init(policy: TransferPolicy = TransferPolicy(), domains: [TypedDataDomain] = []) {
        self.policy = policy
        self.domains = domains
    }
}

/// Settings of the offchain rail without a bridge.
package struct MockOffchainSettings: Sendable {
    package var payer: String
    package var transactionPrefix: String
    package var fields: OffchainFields

    package init(
        payer: String = "offchain:user:mock", transactionPrefix: String = "offchain-tx",
        fields: OffchainFields = OffchainFields()
    ) {
        self.payer = payer
        self.transactionPrefix = transactionPrefix
        self.fields = fields
    }
}

/// Settings of a payment bridge.
package struct BridgeSettings: Sendable {
    package var baseURL: String
    package var verifyPath: String
    package var settlePath: String
    package var apiKey: Secret?
    /// The time one verify or settle may take in all, retries included.
    package var timeout: Duration
    /// Whether the bridge keeps the `Idempotency-Key` of settle, so that asking again cannot move value twice.
    package var isIdempotent: Bool
    package var retry: RetryPolicy
    package var breaker: CircuitBreaker.Policy
    package var fields: OffchainFields

    package init(
        baseURL: String, verifyPath: String = "/verify", settlePath: String = "/settle", apiKey: Secret? = nil,
        timeout: Duration = .seconds(8), isIdempotent: Bool = false, retry: RetryPolicy = RetryPolicy(),
        breaker: CircuitBreaker.Policy = CircuitBreaker.Policy(), fields: OffchainFields = OffchainFields()
    ) {
        self.baseURL = baseURL
        self.verifyPath = verifyPath
        self.settlePath = settlePath
        self.apiKey = apiKey
        self.timeout = timeout
        self.isIdempotent = isIdempotent
        self.retry = retry
        self.breaker = breaker
        self.fields = fields
    }
}

/// Settings of another x402 facilitator.
package struct RemoteSettings: Sendable {
    package var url: String
    package var apiKey: Secret?
    /// The time `/verify` and `/supported` may take.
    package var timeout: Duration
    /// The time `/settle` may take: the other side waits for a receipt.
    package var settleTimeout: Duration
    package var breaker: CircuitBreaker.Policy
    package var policy: TransferPolicy

    package init(
        url: String, apiKey: Secret? = nil, timeout: Duration = .seconds(10), settleTimeout: Duration = .seconds(20),
        breaker: CircuitBreaker.Policy = CircuitBreaker.Policy(), policy: TransferPolicy = TransferPolicy()
    ) {
        self.url = url
        self.apiKey = apiKey
        self.timeout = timeout
        self.settleTimeout = settleTimeout
        self.breaker = breaker
        self.policy = policy
    }
}
