import EVM
import Ledger
import Primitives
import X402

/// Writes the gas of our transactions into the books.
struct GasBookkeeper: Sendable {
    let ledger: any PaymentLedger
    let network: Network
    let now: @Sendable () -> UnixTime

    /// Books a mined transaction; a fee that cannot be written is missing in the books, and nowhere else.
    func book(_ receipt: TransactionReceipt) {
        guard let cost = receipt.cost else { return }
        let payments = receipt.logs.count { $0.topics.first == TransferLog.usedTopic }
        let fee = NetworkFee(
            network: network, transaction: receipt.transaction.hex, wei: cost, payments: payments)
        Task { _ = try? await ledger.postNetworkFee(fee, now: now()) }
    }
}
