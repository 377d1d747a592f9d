package import EVM
package import Primitives

/// Settings of the EVM rail over JSON-RPC (`kind = "evm"`, backend `rpc`).
package struct ChainSettings: Sendable {
    package var chainID: UInt64
    /// Where nodes are asked, in turn; secrets, since their paths often hold a key.
    package var urls: [Secret]
    /// Who sends and pays for transactions; one writer for each.
    package var keys: [PrivateKey]
    /// The tokens that are settled here: no other is touched.
    package var assets: [ChainAsset]
    package var policy: TransferPolicy
    package var fees: FeePolicy
    /// Wei that gas may cost within an hour; nil for no limit.
    package var gasBudget: UInt256?
    /// How long a settlement waits for its confirmations before its fate is called unknown.
    package var settleTimeout: Duration
    /// Our contract that settles many payments at once; without it, Multicall3.
    package var batchContract: Address?
    /// The most payments of one transaction.
    package var maxBatch: Int
    /// The most gas of one transaction: well below what a block takes (EIP-7825 caps a transaction at 2^24).
    package var maxBatchGas: UInt64
    /// Signers of other ledgers with the same recipient: what they moved was sold there.
    package var knownSettlers: Set<Address>
    /// Contracts that may create a payer's wallet (ERC-6492).
    package var walletFactories: Set<Address>
    package var timing: ChainTiming

    package init(
        chainID: UInt64, urls: [Secret], keys: [PrivateKey], assets: [ChainAsset],
        policy: TransferPolicy = TransferPolicy(), fees: FeePolicy = FeePolicy(), gasBudget: UInt256? = nil,
        settleTimeout: Duration = .seconds(20), batchContract: Address? = nil, maxBatch: Int = 200,
        maxBatchGas: UInt64 = 12_000_000,
        knownSettlers: Set<Address> = [], walletFactories: Set<Address> = [], timing: ChainTiming = ChainTiming()
    ) {
        self.chainID = chainID
        self.urls = urls
        self.keys = keys
        self.assets = assets
        self.policy = policy
        self.fees = fees
        self.gasBudget = gasBudget
        self.settleTimeout = settleTimeout
        self.batchContract = batchContract
        self.maxBatch = maxBatch
        self.maxBatchGas = maxBatchGas
        self.knownSettlers = knownSettlers
        self.walletFactories = walletFactories
        self.timing = timing
    }
}

/// How long the rail waits for what.
package struct ChainTiming: Hashable, Sendable {
    /// For one exchange with a node.
    package var callTimeout: Duration = .seconds(5)
    /// Between two looks at transactions under way; the first looks come sooner.
    package var poll: Duration = .seconds(1)
    /// Before a transaction that is not mined is sent again with higher fees.
    package var bumpAfter: Duration = .seconds(15)

    package init() {}
}

/// A token that the rail settles.
package struct ChainAsset: Hashable, Sendable {
    package var domain: TypedDataDomain
    /// Whether it is paid by Permit2 under scheme exact, for it has no ERC-3009.
    package var usesPermit2: Bool
    /// How deep a payment must lie in the chain, by amount: the last step that it reaches counts.
    package var confirmations: [ConfirmationStep]
    /// Payments below are not worth their gas; in atomic units.
    package var floor: UInt256
    /// What 10^18 wei are worth in atomic units, to compare gas with the payment; nil when nobody said.
    package var unitsPerEther: UInt64?

    package init(
        domain: TypedDataDomain, usesPermit2: Bool = false, confirmations: [ConfirmationStep] = [],
        floor: UInt256 = .zero, unitsPerEther: UInt64? = nil
    ) {
        self.usesPermit2 = usesPermit2
        self.domain = domain
        self.confirmations = confirmations
        self.floor = floor
        self.unitsPerEther = unitsPerEther
    }

    package var address: Address { domain.verifyingContract }

    /// Blocks that a payment must lie deep, its own included.
    package func depth(of amount: UInt256) -> UInt64 {
        confirmations.last { amount >= $0.from }?.depth ?? 1
    }

    /// What so many wei are worth, rounded up; nil when nobody said what ether is worth.
    package func worth(ofWei wei: UInt256) -> UInt256? {
        guard let unitsPerEther else { return nil }
        guard let product = wei.multiplied(by: unitsPerEther) else { return .max }
        let (quotient, rest) = product.quotientAndRemainder(dividingBy: 1_000_000_000_000_000_000)
        return rest == 0 ? quotient : quotient.adding(UInt256(1)) ?? .max
    }
}

/// From which amount on how many blocks are asked for.
package struct ConfirmationStep: Hashable, Sendable {
    package var from: UInt256
    package var depth: UInt64

    package init(from: UInt256, depth: UInt64) {
        self.from = from
        self.depth = depth
    }
}
