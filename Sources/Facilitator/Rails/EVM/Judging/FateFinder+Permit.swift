import EVM
import Primitives

/// Fates of transfers by Permit2, which has no event that names a nonce.
///
/// What proves a settlement is a transaction of the token's `Transfer` to the recipient that calls the proxy with this very permit. Only
/// calls that go to the proxy itself are read; under scheme upto no others are possible, for the proxy wants the facilitator as caller.
extension FateFinder {
    /// How long past its end a permit must be on the chain's clock before the lack of a settlement proves anything: a
    /// reorganisation puts an older block back.
    static let expiryMargin: Int64 = 60
    /// Transactions of one exchange.
    private static let transactionsAtOnce = 50

    /// The fate of a transfer whose nonce is used.
    func fate(
        of transfer: TransferKey, _ permit: PermitTransfer, head: BlockHead
    ) async throws(ChainError) -> TransferFate {
        var hasUnreadCall = false
        var isInvalidated = false
        for blocks in Self.windows(upTo: head.number) {
            switch try await settlement(of: permit, in: blocks) {
            case .moved(let amount, let log):
                guard amount == transfer.value else { return .spentOtherwise }
                return try await proved(transfer, by: log, head: head)
            case .unreadCall: hasUnreadCall = true
            case .none: break
            }
            if !isInvalidated { isInvalidated = try await invalidates(permit, in: blocks) }
        }
        if isInvalidated { return .spentOtherwise }
        // The owner may have used the nonce elsewhere, of which nothing tells: then time proves that nothing came here.
        let end = permit.deadline.uint64.flatMap(Int64.init(exactly:)).map { UnixTime($0) }
        guard !hasUnreadCall, let end, head.timestamp > end.adding(seconds: Self.expiryMargin) else {
            return .unexplained
        }
        return .spentOtherwise
    }

    private enum Found {
        case moved(UInt256, ChainLog)
        /// A transfer that fits, by a contract whose call of the proxy cannot be seen.
        case unreadCall
        case none
    }

    private func settlement(
        of permit: PermitTransfer, in blocks: ClosedRange<UInt64>
    ) async throws(ChainError) -> Found {
        let logs = try await chain.logs(
            LogFilter(
                address: permit.token,
                topics: [[TransferLog.transferTopic], [Bytes32(permit.owner)], [Bytes32(permit.witness.to)]],
                from: blocks.lowerBound, to: blocks.upperBound))
        var hasUnreadCall = false
        for group in Array(logs.reversed()).chunks(of: Self.transactionsAtOnce) {
            let transactions = try await chain.ask(
                ChainQuery.all(group.map { ChainQuery.transaction($0.transaction) }))
            for (log, transaction) in zip(group, transactions) {
                guard let transaction else {
                    hasUnreadCall = true
                    continue
                }
                if transaction.to == permit.spender {
                    if let amount = permit.amount(movedBy: transaction.input) { return .moved(amount, log) }
                } else if permit.witness.facilitator == nil, log.moves(permit.amount) {
                    hasUnreadCall = true
                }
            }
        }
        return hasUnreadCall ? .unreadCall : .none
    }

    private func proved(
        _ transfer: TransferKey, by log: ChainLog, head: BlockHead
    ) async throws(ChainError) -> TransferFate {
        guard let receipt = try await chain.receipt(log.transaction), receipt.blockHash == log.blockHash,
            receipt.moves(transfer)
        else { return .unexplained }
        return .moved(MovedTransfer(receipt, head: head))
    }

    private func invalidates(
        _ permit: PermitTransfer, in blocks: ClosedRange<UInt64>
    ) async throws(ChainError) -> Bool {
        let logs = try await chain.logs(
            LogFilter(
                address: Permit2.address, topics: [[Permit2.invalidationTopic], [Bytes32(permit.owner)]],
                from: blocks.lowerBound, to: blocks.upperBound))
        return logs.contains { Permit2.invalidates($0, owner: permit.owner, nonce: permit.nonce) }
    }
}

extension TransactionReceipt {
    /// Whether a transaction that is known to call the proxy with this permit has moved its value.
    func moves(_ transfer: TransferKey, _ permit: PermitTransfer) -> Bool {
        guard succeeded, to == permit.spender else { return false }
        let event = TransferLog.transfer(from: transfer.payer, to: transfer.payTo, value: transfer.value)
        return logs.contains { $0.address == transfer.asset && !$0.removed && TransferLog($0) == event }
    }
}

extension ChainLog {
    fileprivate func moves(_ amount: UInt256) -> Bool {
        guard case .transfer(_, _, amount)? = TransferLog(self) else { return false }
        return true
    }
}
