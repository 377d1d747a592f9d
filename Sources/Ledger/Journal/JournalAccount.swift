package import Primitives
package import X402

/// An account of the books; every currency has its own set.
package enum JournalAccount: UInt8, Hashable, Sendable, CaseIterable {
    /// What payers paid: the value is where the offer wanted it.
    case payer = 1
    /// What was served and is not paid.
    case receivable = 2
    /// What the paywall earned.
    case revenue = 3
    /// What others earned, who settle through the facilitator's API.
    case seller = 4
    /// What chains took for settling.
    case networkFee = 5
    /// What the signers' own funds gave for it.
    case gas = 6
    /// What payers paid ahead and have not used.
    case credit = 7

    /// The word that people and files read.
    package var word: String {
        switch self {
        case .payer: "payer"
        case .receivable: "receivable"
        case .revenue: "revenue"
        case .seller: "seller"
        case .networkFee: "network_fee"
        case .gas: "gas"
        case .credit: "credit"
        }
    }
}

/// What amounts are counted in: an asset of a network, or the network's own coin.
package struct Currency: Hashable, Sendable {
    package var network: Network
    /// Nil for the network's own coin, in its smallest unit (wei).
    package var asset: Account?

    package init(network: Network, asset: Account?) {
        self.network = network
        self.asset = asset
    }

    package init(_ claim: borrowing Claim) {
        self.init(network: claim.network, asset: claim.asset)
    }

    /// SHA-256 of the network's name, a zero byte and the asset, empty for the network's own coin.
    package var digest: Bytes32 { SHA256.hash("\(network.name)\u{0}\(asset?.description ?? "")") }
}

/// One side of an entry.
package struct Posting: Hashable, Sendable {
    package var account: JournalAccount
    /// Debit adds to what was paid, is owed and was spent; credit to what was earned and given.
    package var isDebit: Bool
    package var amount: UInt256

    package init(_ account: JournalAccount, isDebit: Bool, _ amount: UInt256) {
        self.account = account
        self.isDebit = isDebit
        self.amount = amount
    }
}
