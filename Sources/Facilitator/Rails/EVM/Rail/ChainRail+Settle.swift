import EVM
import Ledger
import Primitives
import Synchronization
import X402

/// Settling one payment in a transaction of its own.
///
/// Exchanges with the node: one to try it and learn its gas, one for the fees unless they are known, one to send, and one for
/// each look until it is mined.
extension ChainRail {
    package func settle(_ order: SettleOrder) async -> SettleOutcome {
        underWay.enter(order.identity)
        defer { underWay.leave(order.identity) }
        switch judge.verifier.terms(of: order.payment, for: order.requirements, now: now()) {
        case .met(let terms):
            guard let terms = terms.moving(order.amount) else { return .refused(.uptoExceedsAmount, message: nil) }
            return await settle(terms, order)
        case .refused(let reason, _):
            // Nothing is sent for it any more; whoever saw it may have moved it all the same.
            let known = judge.verifier.knownTerms(of: order.payment, for: order.requirements)
            guard let terms = known?.moving(order.amount) else { return .refused(reason, message: nil) }
            return await afterFailure(reason, terms.key, order.identity)
        }
    }

    func settle(_ terms: TransferTerms, _ order: SettleOrder) async -> SettleOutcome {
        let path: SignaturePath
        do throws(ChainError) {
            switch try await judge.path(of: terms) {
            case .refused(let reason): return await afterFailure(reason, terms.key, order.identity)
            case .found(let found): path = found
            }
        } catch {
            return .unavailable(RailError(error, adapter: id))
        }
        guard let desk = await desk(for: terms) else {
            return .unavailable(error(.unavailable, "no signer has funds for gas"))
        }
        let call = SettlementCall(terms, path: path)
        let priced: Pricing
        switch await price(CallRequest(to: call.target, data: call.data, from: desk.address)) {
        case .failure(let error): return .unavailable(error)
        case .success(.reverted(let reason, let block)):
            return await afterRevert(reason, terms.key, order.identity, since: block)
        case .success(.priced(let found)): priced = found
        }
        if let worth = assets[terms.asset]?.worth(ofWei: priced.expected), worth > terms.value {
            return .refused(.notWorthItsGas, message: nil)
        }
        guard budget.withLock({ $0.reserve(priced.bound, now: now()) }) else {
            return .unavailable(error(.refusedByPolicy, "the gas budget of this hour is spent"))
        }
        let end = await desk.perform(
            ContractCall(
                to: call.target, data: call.data, gasLimit: priced.gasLimit, expires: terms.validBefore),
            fees: priced.fees, depth: assets[terms.asset]?.depth(of: terms.value) ?? 1,
            timeout: settings.settleTimeout, note: note([order]))
        return await outcome(of: end, priced: priced, terms.key, order.identity)
    }

    /// The signer that the payer named, or any; nil where it has no funds.
    private func desk(for terms: TransferTerms) async -> SignerDesk? {
        guard let facilitator = terms.facilitator else { return await pool.choose() }
        guard let desk = pool.desk(of: facilitator), await desk.load != nil else { return nil }
        return desk
    }

    private func outcome(
        of end: FlightEnd, priced: Pricing, _ transfer: TransferKey, _ identity: PaymentIdentity
    ) async -> SettleOutcome {
        switch end {
        case .mined(let receipt):
            correctBudget(priced, receipt)
            if receipt.moves(transfer) { return settled(receipt, transfer, identity) }
            let reason: ReasonCode = receipt.succeeded ? .transferEventMismatch : .transactionFailed
            return await afterFailure(reason, transfer, identity, since: receipt.blockNumber)
        case .pending(let hash): return .unknown(transaction: hash.hex)
        case .displaced(let block):
            return await outcome(of: transfer, identity) { head in
                if head.number < block { return .unknown(transaction: nil) }
                return .unavailable(self.error(.unavailable, "the transaction was replaced"))
            }
        case .notSent(let error):
            budget.withLock { $0.correct(reserved: priced.bound, cost: .zero) }
            return .unavailable(named(error))
        }
    }

    func settled(
        _ receipt: TransactionReceipt, _ transfer: TransferKey, _ identity: PaymentIdentity
    ) -> SettleOutcome {
        recent.watch(
            RecentSettlements.Settlement(
                identity: identity, transfer: transfer, transaction: receipt.transaction,
                blockNumber: receipt.blockNumber))
        return .settled(transaction: receipt.transaction.hex, payer: nil)
    }

    // MARK: Price

    /// What a transaction takes and offers.
    struct Pricing: Hashable, Sendable {
        var gasLimit: UInt64
        var fees: GasFees
        /// What it will cost as the market is.
        var expected: UInt256
        /// What it can cost at most.
        var bound: UInt256
    }

    enum PricingOutcome: Hashable, Sendable {
        case priced(Pricing)
        /// At a block that the node has seen.
        case reverted(RevertReason, at: UInt64)
    }

    /// Gas beyond the estimate: state may change before the block comes.
    private static let spareGasPercent: UInt64 = 20

    /// Tries the call and asks for the fees.
    func price(_ request: CallRequest) async -> Result<PricingOutcome, RailError> {
        do throws(ChainError) {
            // Rollups of the OP stack take a fee for publishing beside the gas; elsewhere nobody answers at that address.
            let publishing = CallRequest(to: PublishingFee.oracle, data: PublishingFee.call(for: request.data))
            let (head, estimate, published) = try await chain.ask(
                ChainQuery.head(.latest), ChainQuery.gas(for: request), ChainQuery.call(publishing))
            guard let head else { throw ChainError(.unavailable, "the node does not have the block") }
            let gas: UInt64
            switch estimate {
            case .reverted(let reason): return .success(.reverted(reason, at: head.number))
            case .refused: return .failure(error(.unavailable, "the node cannot estimate the gas of a settlement"))
            case .gas(let found): gas = found
            }
            let fees = try await market.fees()
            guard let offer = settings.fees.opening(fees) else {
                return .failure(error(.refusedByPolicy, "gas costs more than max_fee_per_gas allows"))
            }
            let limit = gas.addingWithLimit(gas / 100 * Self.spareGasPercent + 1)
            let each = fees.baseFee.adding(offer.tip) ?? .max
            let extra = published.publishingFee
            return .success(
                .priced(
                    Pricing(
                        gasLimit: limit, fees: offer, expected: each.multiplied(by: gas)?.adding(extra) ?? .max,
                        bound: offer.bound(gas: limit).adding(extra) ?? .max)))
        } catch {
            return .failure(RailError(error, adapter: id))
        }
    }

    func correctBudget(_ priced: Pricing, _ receipt: TransactionReceipt) {
        guard let cost = receipt.cost else { return }
        budget.withLock { $0.correct(reserved: priced.bound, cost: cost) }
    }

    /// Writes a transaction's hash to the payments it is for, before it is sent.
    func note(_ orders: [SettleOrder]) -> @Sendable (Bytes32) async -> Bool {
        let references = orders.compactMap(\.reference)
        let (ledger, now) = (ledger, now)
        return { hash in
            for reference in references {
                let written = try? await ledger.record(.sent(transaction: hash.hex), of: reference, now: now())
                guard written != nil else { return false }
            }
            return true
        }
    }

    // MARK: Fates

    /// What follows from a transaction that failed: the token may have said no because somebody else was faster.
    func afterRevert(
        _ reason: RevertReason, _ transfer: TransferKey, _ identity: PaymentIdentity, since block: UInt64
    ) async -> SettleOutcome {
        await afterFailure(
            reason.reasonCode(of: transfer.permit) ?? .transactionFailed, transfer, identity, since: block)
    }

    /// `since` is a block that whoever says "unused" must have seen.
    func afterFailure(
        _ reason: ReasonCode, _ transfer: TransferKey, _ identity: PaymentIdentity, since block: UInt64 = 0
    ) async -> SettleOutcome {
        await outcome(of: transfer, identity) { head in
            // One node says used, another unused: one of them is behind, and nothing is proved.
            if reason.saysUsed || head.number < block { return .unknown(transaction: nil) }
            return .refused(reason, message: nil)
        }
    }

    /// Asks the chain what became of a transfer; `whenUnused` decides where nothing did yet.
    func outcome(
        of transfer: TransferKey, _ identity: PaymentIdentity, whenUnused: (BlockHead) async -> SettleOutcome
    ) async -> SettleOutcome {
        let fate: TransferFate
        do {
            fate = try await fates.fate(of: transfer)
        } catch {
            return .unknown(transaction: nil)
        }
        switch fate {
        case .unused(let head): return await whenUnused(head)
        case .unexplained: return .unknown(transaction: nil)
        case .spentOtherwise: return .refused(transfer.reasons.used, message: nil)
        case .moved(let moved):
            // One of our signers on another ledger: there the payment was sold.
            if settings.knownSettlers.contains(moved.sender) {
                return .refused(transfer.reasons.used, message: nil)
            }
            guard moved.depth >= assets[transfer.asset]?.depth(of: transfer.value) ?? 1 else {
                return .unknown(transaction: moved.transaction.hex)
            }
            recent.watch(
                RecentSettlements.Settlement(
                    identity: identity, transfer: transfer, transaction: moved.transaction,
                    blockNumber: moved.blockNumber))
            return .settled(transaction: moved.transaction.hex, payer: nil)
        }
    }
}

extension CallResult {
    /// The fee that an oracle named; zero where none stands.
    fileprivate var publishingFee: UInt256 {
        guard case .returned(let bytes) = self else { return .zero }
        return PublishingFee.wei(bytes) ?? .zero
    }
}

extension Bytes32 {
    /// `0x` and 64 digits.
    var hex: String { Hex.encode(bytes) }
}

extension UInt64 {
    /// The sum, or the largest number.
    func addingWithLimit(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
