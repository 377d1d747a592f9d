import EVM
package import Ledger
import Primitives
import X402

/// What the rail asks before the start.
extension ChainRail {
    /// Checks the chain's id, the tokens' signing domains, the contracts that are called, and the signers' funds.
    package func prepare() async throws(RailError) -> [String] {
        let tokens = settings.assets
        let found:
            (
                id: UInt64, codes: [[UInt8]], domains: [CallResult], funds: [UInt256], contract: [[UInt8]],
                permits: [[UInt8]]
            )
        do throws(ChainError) {
            found = try await chain.ask(
                ChainQuery.chainID(), ChainQuery.all(tokens.map { ChainQuery.code(of: $0.address) }),
                ChainQuery.all(
                    tokens.map { ChainQuery.call(CallRequest(to: $0.address, data: TokenCall.domainSeparator)) }),
                ChainQuery.all(settings.keys.map { ChainQuery.balance(of: $0.address) }),
                ChainQuery.all([settings.batchContract].compactMap(\.self).map { ChainQuery.code(of: $0) }),
                ChainQuery.all(permitContracts.map { ChainQuery.code(of: $0) }))
        } catch  where error.code == .wrongChain {
            throw RailError(error, adapter: id)
        } catch {
            return ["the nodes of `\(id)` cannot be asked yet: \(error.message)"]
        }
        guard found.id == settings.chainID else {
            throw error(.misconfigured, "the node is on chain \(found.id), not on \(settings.chainID)")
        }
        for ((token, code), domain) in zip(zip(tokens, found.codes), found.domains) {
            try check(token, code: code, domain: domain)
        }
        if found.contract.contains(where: \.isEmpty) {
            throw error(
                .misconfigured, "there is no contract at `batch_contract`; `farebox contract deploy` puts it there")
        }
        for (contract, code) in zip(permitContracts, found.permits) where code.isEmpty {
            throw error(
                .misconfigured,
                "there is no contract at \(contract.checksummed) on this chain, through which Permit2 payments go")
        }
        return zip(settings.keys, found.funds).filter { $1 == .zero }.map { key, _ in
            "the signer \(key.address.checksummed) of `\(id)` has nothing to pay gas with"
        }
    }

    private func check(_ token: ChainAsset, code: [UInt8], domain: CallResult) throws(RailError) {
        let name = token.address.checksummed
        guard !code.isEmpty else { throw error(.misconfigured, "there is no contract at \(name) on this chain") }
        // By Permit2 nothing is signed in the token's own domain.
        if token.usesPermit2 { return }
        guard case .returned(let word) = domain, let separator = ABIReader(word).word(0) else {
            throw error(.misconfigured, "the token \(name) does not tell its signing domain")
        }
        guard separator == token.domain.separator else {
            throw error(
                .misconfigured, "the token \(name) signs under another name or version than the file has for it")
        }
    }

    package var canBeProbed: Bool { true }

    package func probe() async { _ = try? await chain.within(settings.timing.callTimeout).chainID() }

    /// Looks for the payment's transfer in the transaction that the ledger names.
    package func audit(_ record: PaymentRecord) async throws(RailError) -> AuditVerdict {
        guard let name = record.transaction, let hash = Bytes32(hex: name) else {
            return .differs("the ledger names no transaction")
        }
        guard let asset = record.claim.asset.address, let payTo = record.claim.payTo.address,
            let payer = Address(record.claim.payer)
        else { return .differs("the ledger's names are no addresses") }
        do {
            let (receipt, transaction) = try await chain.ask(
                ChainQuery.receipt(of: hash), ChainQuery.transaction(hash))
            guard let receipt else { return .differs("the chain does not have the transaction") }
            let transfer = TransferKey(asset: asset, payer: payer, nonce: .zero, payTo: payTo, value: record.due)
            let nonces = receipt.nonces(of: transfer)
            if nonces.contains(where: { names(record, asset: asset, payer: payer, nonce: $0) }) { return .agrees }
            if let terms = knownTerms(record), let permit = terms.permit, let transaction,
                permit.amount(movedBy: transaction.input) == record.due, receipt.moves(terms.key)
            {
                return .agrees
            }
            return .differs("the transaction does not move the payment's value to its recipient")
        } catch {
            throw RailError(error, adapter: id)
        }
    }

    /// The terms of a payment on record, with the amount that is due; nil where the record does not hold them.
    private func knownTerms(_ record: PaymentRecord) -> TransferTerms? {
        guard let bytes = record.claim.settlement, let blob = SettlementBlob(bytes) else { return nil }
        return judge.verifier.knownTerms(of: blob.payment, for: blob.requirements)?.moving(record.due)
    }

    /// Watches a settlement of an earlier process, also one that the chain no longer has: that is what is looked for.
    package func watch(_ record: PaymentRecord) async {
        guard let terms = knownTerms(record), let name = record.transaction, let hash = Bytes32(hex: name) else {
            return
        }
        let found = try? await chain.ask(ChainQuery.receipt(of: hash), ChainQuery.head(.latest))
        // Without a receipt it may be any block up to the newest.
        let block = found?.0?.blockNumber ?? found?.1?.number ?? 0
        recent.watch(
            RecentSettlements.Settlement(
                identity: record.claim.identity, transfer: terms.key, transaction: hash, blockNumber: block))
    }

    /// Whether a nonce is the payment's own: one transaction may hold several transfers that are alike.
    private func names(_ record: PaymentRecord, asset: Address, payer: Address, nonce: Bytes32) -> Bool {
        record.claim.identity
            == PaymentIdentity(transferOn: settings.chainID, asset: asset, payer: payer, nonce: nonce)
    }
}

extension TransactionReceipt {
    /// The nonces under which such transfers were made here, each by the event before it.
    fileprivate func nonces(of transfer: TransferKey) -> [Bytes32] {
        let events = logs.filter { $0.address == transfer.asset }.sorted { $0.index < $1.index }.map(TransferLog.init)
        return zip(events, events.dropFirst()).compactMap { use, moved in
            guard case .authorizationUsed(transfer.payer, let nonce)? = use,
                moved == .transfer(from: transfer.payer, to: transfer.payTo, value: transfer.value)
            else { return nil }
            return nonce
        }
    }
}
