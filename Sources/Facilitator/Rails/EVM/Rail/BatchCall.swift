import EVM
import Primitives

/// Many settlements as one call.
struct BatchCall: Sendable {
    let target: Address
    let data: [UInt8]
    private let items: [BatchItem]
    private let form: Form

    private enum Form: Sendable { case multicall, ours }

    /// What a trial of the call says of one item.
    enum Trial: Hashable, Sendable {
        case moves
        /// Nil where the contract does not say why.
        case fails(RevertReason?)
    }

    /// Through Multicall3, for chains without our contract; items must not run code of the payer's, which no gas limit holds there.
    init(multicall items: [BatchItem]) {
        self.items = items
        form = .multicall
        target = Multicall3.address
        data = Multicall3.aggregate3(items.map { Multicall3.Call($0.call.target, $0.call.data) })
    }

    /// Through our contract, which gives each item its share of gas; `token` is that of every item.
    init(contract: Address, token: Address, items: [BatchItem]) {
        self.items = items
        form = .ours
        target = contract
        data = BatchContract.callData(token: token, items: items.compactMap(\.contractItem))
    }

    /// What became of each item; nil when the bytes are no answer to this call.
    func trials(_ returned: [UInt8]) -> [Trial]? {
        switch form {
        case .ours:
            return BatchContract.results(from: returned, count: items.count)?.map { $0 ? .moves : .fails(nil) }
        case .multicall:
            return Multicall3.results(from: returned, count: items.count)?.map {
                $0.succeeded ? .moves : .fails(RevertReason(data: $0.returned))
            }
        }
    }
}

/// One settlement of a batch.
struct BatchItem: Sendable {
    let order: SettleOrder
    let terms: TransferTerms
    let path: SignaturePath
    let call: SettlementCall
    /// Its place among the orders.
    let index: Int

    /// The item as our contract takes it; nil where it cannot be part of a batch.
    var contractItem: BatchContract.Item? {
        guard case .authorization(let authorization, _) = terms.message else { return nil }
        switch path {
        case .key(let signature): return BatchContract.Item(authorization, signature)
        case .contract(let bytes): return BatchContract.Item(authorization, walletSignature: bytes)
        case .undeployed: return nil
        }
    }

    /// Whether a key of the payer's own made the signature.
    var isKeySigned: Bool {
        guard case .key = path else { return false }
        return true
    }
}
