import EVM
import Ledger
import Primitives
import X402

/// Judges payments with the chain's help: code, nonce, balance, and the transfer tried out.
///
/// The order and the codes are those of the official Python SDK 2.25, but that nonce and balance are asked for beside the
/// trial and not after it, in the same exchange: one for most payments, of five calls at most, seven by Permit2; two where a payer's signature
/// is not its key's.
struct ChainJudge: Sendable {
    let chain: Chain
    let verifier: TransferVerifier
    let assets: [Address: ChainAsset]
    let walletFactories: Set<Address>
    /// Who transfers are tried out as.
    let sender: Address
    let clock: RailClock
    let codes = CodeCache()

    /// Gas that a settlement may take when it is tried out: a payer's contract cannot make a node work longer.
    static let trialGas: UInt64 = 600_000

    enum Verdict: Sendable {
        /// `balance` is what the payer held when asked.
        case valid(TransferTerms, SignaturePath, balance: UInt256)
        case invalid(ReasonCode, payer: Address?)
    }

    /// What can be refused without asking.
    func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        switch termsVerdict(payment, requirements, now: now) {
        case .refused(let reason, let payer): return .decided(.invalid(reason, payer: payer?.checksummed))
        case .met(let terms):
            let payer = terms.payer
            if codes.hasCode(payer, now: clock.now()) == false,
                case .refused(let reason) = verifier.signature(of: terms, keys: &keys)
            {
                return .decided(.invalid(reason, payer: payer.checksummed))
            }
            return .needsNetwork
        }
    }

    /// Judges a payment; throws when the chain cannot be asked.
    func judge(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(ChainError) -> Verdict {
        switch termsVerdict(payment, requirements, now: now) {
        case .refused(let reason, let payer): return .invalid(reason, payer: payer)
        case .met(let terms):
            switch try await path(of: terms) {
            case .refused(let reason): return .invalid(reason, payer: terms.payer)
            case .found(let path): return try await tryOut(terms, path)
            }
        }
    }

    private func termsVerdict(
        _ payment: Payment, _ requirements: PaymentRequirements, now: UnixTime
    ) -> TransferVerifier.TermsVerdict {
        let verdict = verifier.terms(of: payment, for: requirements, now: now)
        guard case .met(let terms) = verdict else { return verdict }
        // Only tokens that the operator named get our gas: any other may do what it likes with it.
        guard let asset = assets[terms.asset] else { return .refused(.noAssetInformation, payer: terms.payer) }
        guard terms.value >= asset.floor else { return .refused(.notWorthItsGas, payer: terms.payer) }
        return verdict
    }

    // MARK: Signature

    enum PathVerdict: Sendable {
        case found(SignaturePath)
        case refused(ReasonCode)
    }

    /// How the signature goes to the chain; asks for the payer's code only where no key of its made the signature.
    func path(of terms: TransferTerms) async throws(ChainError) -> PathVerdict {
        var keys = PublicKeyCache(capacity: 2)
        let refusal: ReasonCode
        switch verifier.signature(of: terms, keys: &keys) {
        case .signed(let signature):
            // A token looks at a payer's code before it looks at a key, so that a delegated account's two short forms differ.
            if case .bytes(let bytes) = terms.signature, bytes.count != 65, try await hasCode(terms.payer) {
                return .found(.contract(bytes))
            }
            return .found(.key(signature))
        case .forContract: refusal = terms.reasons.noWallet
        case .refused(let reason): refusal = reason
        }
        let bytes = terms.signatureBytes
        if bytes.isEmpty { return .refused(refusal) }
        // A wallet may have been created since it was last looked at, perhaps by its last payment.
        if try await hasCode(terms.payer, believingAbsence: false) {
            return deployedPath(bytes, malformed: terms.reasons.malformedSignature)
        }
        guard case .undeployed(let signature) = ContractSignature(bytes) else { return .refused(refusal) }
        // A wallet that is not there has let nobody spend for it.
        if terms.permit != nil { return .refused(.permitAllowanceRequired) }
        guard walletFactories.contains(signature.factory) else { return .refused(.walletFactoryNotAllowed) }
        return .found(.undeployed(signature))
    }

    /// A wallet that stands is asked with the inner signature, whatever wraps it (ERC-6492, "Verifier side").
    private func deployedPath(_ bytes: [UInt8], malformed: ReasonCode) -> PathVerdict {
        switch ContractSignature(bytes) {
        case .deployed(let signature): .found(.contract(signature))
        case .undeployed(let wrapped): .found(.contract(wrapped.signature))
        case .malformed: .refused(malformed)
        }
    }

    private func hasCode(_ payer: Address, believingAbsence: Bool = true) async throws(ChainError) -> Bool {
        if let known = codes.hasCode(payer, now: clock.now()), known || believingAbsence { return known }
        let hasCode = !(try await chain.code(of: payer)).isEmpty
        codes.remember(payer, hasCode: hasCode, until: clock.now() + CodeCache.payerLifetime)
        return hasCode
    }

    /// Asks at once for the code of payers of whom it is not known; what cannot be asked stays unknown.
    func learnCodes(of payers: [Address]) async {
        let unknown = Array(Set(payers.filter { codes.hasCode($0, now: clock.now()) == nil }))
        guard !unknown.isEmpty,
            let found = try? await chain.ask(ChainQuery.all(unknown.map { ChainQuery.code(of: $0) }))
        else { return }
        for (payer, code) in zip(unknown, found) {
            codes.remember(payer, hasCode: !code.isEmpty, until: clock.now() + CodeCache.payerLifetime)
        }
    }

    // MARK: Trial

    private func tryOut(_ terms: TransferTerms, _ path: SignaturePath) async throws(ChainError) -> Verdict {
        let payer = terms.payer
        let call = SettlementCall(terms, path: path)
        let holdings = CallRequest(to: terms.asset, data: TokenCall.balance(of: payer))
        let trial = CallRequest(
            to: call.target, data: call.data, from: terms.facilitator ?? sender, gas: Self.trialGas)
        let allowances = terms.permit == nil ? [] : [CallRequest(to: terms.asset, data: Permit2.allowance(of: payer))]
        // A call of an address without code succeeds and does nothing.
        let contracts = [terms.asset] + (terms.permit.map { [$0.spender] } ?? [])
        let knowsPayer = codes.hasCode(payer, now: clock.now()) != nil
        let unknown =
            contracts.filter { codes.hasCode($0, now: clock.now()) != true } + (knowsPayer ? [] : [payer])
        let (found, used, held, allowed, tried) = try await chain.ask(
            ChainQuery.all(unknown.map { ChainQuery.code(of: $0) }), ChainQuery.call(terms.key.nonceRequest),
            ChainQuery.call(holdings), ChainQuery.all(allowances.map { ChainQuery.call($0) }), ChainQuery.call(trial))
        for (address, code) in zip(unknown, found) {
            let isContract = contracts.contains(address)
            if isContract, code.isEmpty {
                return .invalid(address == terms.asset ? .assetNotDeployed : .permitProxyNotDeployed, payer: payer)
            }
            let lifetime = isContract ? CodeCache.tokenLifetime : CodeCache.payerLifetime
            codes.remember(address, hasCode: !code.isEmpty, until: clock.now() + lifetime)
        }
        return Self.verdict(terms, path, Findings(used: used, held: held, allowed: allowed.first, tried: tried))
    }

    /// What the chain said of a payment.
    private struct Findings {
        var used: CallResult
        var held: CallResult
        /// What Permit2 may move for the payer; nil where nobody asked.
        var allowed: CallResult?
        var tried: CallResult
    }

    private static func verdict(_ terms: TransferTerms, _ path: SignaturePath, _ findings: Findings) -> Verdict {
        let (payer, reasons) = (terms.payer, terms.reasons)
        guard let isUsed = terms.key.isUsed(by: findings.used) else {
            return .invalid(
                terms.permit == nil ? .transferAuthorizationNotSupported : reasons.failedTrial, payer: payer)
        }
        if isUsed { return .invalid(reasons.used, payer: payer) }
        guard case .returned(let heldWord) = findings.held, let balance = ABIReader(heldWord).integer(0) else {
            return .invalid(reasons.failedTrial, payer: payer)
        }
        if let allowed = findings.allowed {
            guard case .returned(let word) = allowed, let allowance = ABIReader(word).integer(0) else {
                return .invalid(reasons.failedTrial, payer: payer)
            }
            if allowance < terms.value { return .invalid(.permitAllowanceRequired, payer: payer) }
            if balance < terms.value { return .invalid(reasons.insufficientBalance, payer: payer) }
        }
        switch findings.tried {
        case .returned(let bytes):
            // Where Multicall3 is not deployed, a call to it succeeds and does nothing.
            if case .undeployed = path, Multicall3.results(from: bytes, count: 2)?.allSatisfy(\.succeeded) != true {
                return .invalid(.simulationFailed, payer: payer)
            }
            return .valid(terms, path, balance: balance)
        case .reverted(let reason):
            if let code = reason.reasonCode(of: terms.permit) { return .invalid(code, payer: payer) }
            return .invalid(balance < terms.value ? reasons.insufficientBalance : reasons.failedTrial, payer: payer)
        }
    }
}
