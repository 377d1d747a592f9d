package import EVM
package import Ledger
package import Primitives
import Synchronization
package import X402

/// The EVM rail over JSON-RPC: transfers by ERC-3009, one by one or many in one transaction, and by Permit2, one by one.
///
/// What became of a payment is decided by its nonce on the chain and by the token's events, whoever sent the transaction.
package final class ChainRail: Rail {
    package let id: String
    package let kinds: [SupportedKind]
    package let signers: [(pattern: String, signers: [String])]
    package let settlement = SettlementStyle.remote
    let settings: ChainSettings
    let chain: Chain
    let ledger: any PaymentLedger
    let clock: RailClock
    let now: @Sendable () -> UnixTime
    let judge: ChainJudge
    let fates: FateFinder
    let pool: SignerPool
    let assets: [Address: ChainAsset]
    let market: FeeMarket
    let budget: Mutex<GasBudget>
    let recent = RecentSettlements()
    let underWay = SettlementsUnderWay()
    /// The contracts that payments by Permit2 go through here; none where no offer asks for it.
    let permitContracts: [Address]
    private let nodes: @Sendable () -> RailCondition

    /// - Parameters:
    ///   - chain: The nodes, on the chain of the settings.
    ///   - condition: Whether the nodes can be asked, for health.
    package init(
        _ scope: AdapterScope, settings: ChainSettings, chain: Chain, ledger: any PaymentLedger, clock: RailClock,
        now: @escaping @Sendable () -> UnixTime, condition: @escaping @Sendable () -> RailCondition = { .ready }
    ) {
        precondition(!settings.keys.isEmpty, "a rail on a chain has a signer")
        id = scope.id
        kinds = scope.kinds(uptoExtra: [.facilitatorAddress(settings.keys[0].address)])
        self.settings = settings
        self.chain = chain
        self.ledger = ledger
        self.clock = clock
        self.now = now
        nodes = condition
        let proxies =
            (settings.assets.contains(where: \.usesPermit2) ? [Permit2.exactProxy] : [])
            + (scope.schemes.contains("upto") ? [Permit2.uptoProxy] : [])
        permitContracts = proxies.isEmpty ? [] : [Permit2.address] + proxies
        assets = Dictionary(settings.assets.map { ($0.address, $0) }) { first, _ in first }
        market = FeeMarket(chain: chain, clock: clock)
        budget = Mutex(GasBudget(perHour: settings.gasBudget))
        let bookkeeper = GasBookkeeper(ledger: ledger, network: Network(chainID: settings.chainID), now: now)
        pool = SignerPool(
            settings.keys.map { key in
                SignerDesk(
                    key: key, chain: chain, settings: settings, clock: clock, now: now,
                    onMined: { bookkeeper.book($0) })
            })
        signers = scope.networks.map { ($0.text, settings.keys.map(\.address.checksummed)) }
        // A client waits for the verdict: several nodes share the time of one.
        judge = ChainJudge(
            chain: chain.within(settings.timing.callTimeout),
            verifier: TransferVerifier(
                policy: settings.policy, domains: DomainTable(settings.assets.map(\.domain)),
                facilitators: settings.keys.map(\.address)),
            assets: assets, walletFactories: settings.walletFactories, sender: settings.keys[0].address, clock: clock)
        fates = FateFinder(chain: chain)
    }

    package var condition: RailCondition { nodes() }

    package func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        PaymentIdentity(of: payment, for: requirements)
    }

    package func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        judge.verifyLocally(payment, for: requirements, now: now, keys: &keys)
    }

    package func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        do {
            switch try await judge.judge(payment, for: requirements, now: now) {
            case .invalid(let reason, let payer): return .invalid(reason, payer: payer?.checksummed)
            case .valid(let terms, _, let balance):
                var verified = terms.verified
                verified.balance = balance
                return .valid(verified)
            }
        } catch {
            throw RailError(error, adapter: id)
        }
    }

    /// An error of this rail.
    func error(_ code: RailError.Code, _ message: String) -> RailError {
        RailError(code, adapter: id, message)
    }

    /// The same error under this rail's name.
    func named(_ error: RailError) -> RailError {
        RailError(error.code, adapter: id, error.message)
    }
}
