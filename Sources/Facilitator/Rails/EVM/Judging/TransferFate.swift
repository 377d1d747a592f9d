import EVM
import Primitives

/// What the chain knows of an authorization, from its nonce and the token's events.
enum TransferFate: Hashable, Sendable {
    /// Nobody used it; as of that block.
    case unused(at: BlockHead)
    /// It moved the value to its recipient.
    case moved(MovedTransfer)
    /// The payer cancelled it, or used the nonce for another transfer.
    case spentOtherwise
    /// The nonce is used, and the event that tells how was not found.
    case unexplained
}

/// A transfer that the token's events prove.
struct MovedTransfer: Hashable, Sendable {
    var transaction: Bytes32
    var blockNumber: UInt64
    var blockHash: Bytes32
    /// Blocks from its own to the latest, both counted.
    var depth: UInt64
    /// Who sent the transaction.
    var sender: Address
}

extension MovedTransfer {
    init(_ receipt: TransactionReceipt, head: BlockHead) {
        self.init(
            transaction: receipt.transaction, blockNumber: receipt.blockNumber, blockHash: receipt.blockHash,
            depth: head.number >= receipt.blockNumber ? head.number - receipt.blockNumber + 1 : 0,
            sender: receipt.from)
    }
}

/// Finds fates; never decides by time, nor by a transaction's status alone.
struct FateFinder: Sendable {
    let chain: Chain

    /// The most blocks that one search goes back: a day of two-second blocks, which is how long an authorization may stand.
    static let searchedBlocks: UInt64 = 43_200 + 600
    /// Blocks of one question; many nodes give no more.
    private static let window: UInt64 = 2_000

    /// Asks what became of a transfer.
    func fate(of transfer: TransferKey) async throws(ChainError) -> TransferFate {
        let (state, latest) = try await chain.ask(
            ChainQuery.call(transfer.nonceRequest), ChainQuery.head(.latest))
        guard let isUsed = transfer.isUsed(by: state), let head = latest else { throw Self.silent }
        guard isUsed else { return try await unused(transfer, at: head) }
        if let permit = transfer.permit { return try await fate(of: transfer, permit, head: head) }
        guard let event = try await lastUse(of: transfer, head: head.number) else { return .unexplained }
        guard let receipt = try await chain.receipt(event.transaction), receipt.blockHash == event.blockHash else {
            return .unexplained
        }
        guard receipt.moves(transfer) else { return .spentOtherwise }
        return .moved(MovedTransfer(receipt, head: head))
    }

    /// The same question about one block: behind one URL the state may come from an older node than the head.
    private func unused(_ transfer: TransferKey, at head: BlockHead) async throws(ChainError) -> TransferFate {
        let state = try await chain.call(transfer.nonceRequest, at: .number(head.number))
        guard let isUsed = transfer.isUsed(by: state) else { throw Self.silent }
        return isUsed ? .unexplained : .unused(at: head)
    }

    /// The event that used or cancelled the nonce, searched from the newest block backwards.
    private func lastUse(of transfer: TransferKey, head: UInt64) async throws(ChainError) -> ChainLog? {
        for blocks in Self.windows(upTo: head) {
            let logs = try await chain.logs(
                LogFilter(
                    address: transfer.asset,
                    topics: [
                        [TransferLog.usedTopic, TransferLog.canceledTopic], [Bytes32(transfer.payer)], [transfer.nonce],
                    ],
                    from: blocks.lowerBound, to: blocks.upperBound))
            if let last = logs.last { return last }
        }
        return nil
    }

    /// The blocks that are searched, in windows from the newest backwards.
    static func windows(upTo head: UInt64) -> [ClosedRange<UInt64>] {
        let oldest = head > searchedBlocks ? head - searchedBlocks : 0
        var windows: [ClosedRange<UInt64>] = []
        var to = head
        while true {
            let from = max(oldest, to >= window ? to - window + 1 : 0)
            windows.append(from...to)
            guard from > oldest else { return windows }
            to = from - 1
        }
    }

    private static let silent = ChainError(.unavailable, "the contract does not tell the state of a nonce")
}

/// What identifies a transfer on its chain, and what it must move.
struct TransferKey: Hashable, Sendable {
    var asset: Address
    var payer: Address
    var nonce: Bytes32
    var payTo: Address
    var value: UInt256
    /// Where the transfer goes by Permit2; its nonce is then Permit2's.
    var permit: PermitTransfer?

    var reasons: TransferReasons { TransferReasons(permit: permit) }

    /// The question whether the nonce is used: the token's answer, or Permit2's.
    var nonceRequest: CallRequest {
        guard let permit else {
            return CallRequest(to: asset, data: TokenCall.authorizationState(of: payer, nonce: nonce))
        }
        return CallRequest(to: Permit2.address, data: Permit2.nonceBitmap(of: payer, nonce: permit.nonce))
    }

    /// The answer to it; nil for what is none.
    func isUsed(by result: CallResult) -> Bool? {
        guard case .returned(let word) = result else { return nil }
        guard let permit else { return ABIReader(word).bool(0) }
        return Permit2.isUsed(permit.nonce, in: word)
    }
}

extension TransactionReceipt {
    /// Whether the token says in this transaction that the authorization was used and its value moved.
    ///
    /// The transfer that counts is the token's next event behind `AuthorizationUsed`, as FiatToken emits them: a payer may put
    /// two transfers into one transaction, and the money of one must not prove the other.
    func moves(_ transfer: TransferKey) -> Bool {
        guard succeeded else { return false }
        if let permit = transfer.permit { return moves(transfer, permit) }
        let events = logs.filter { $0.address == transfer.asset && !$0.removed }.sorted { $0.index < $1.index }
            .map(TransferLog.init)
        let use = TransferLog.authorizationUsed(authorizer: transfer.payer, nonce: transfer.nonce)
        guard let place = events.firstIndex(of: use), place + 1 < events.endIndex else { return false }
        return events[place + 1] == .transfer(from: transfer.payer, to: transfer.payTo, value: transfer.value)
    }
}
