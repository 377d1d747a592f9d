package import EVM
import Ledger
package import Primitives
package import X402

/// Judges a payment against an offer of ours as far as no chain is needed.
///
/// The order and the codes are those of the official Python SDK 2.25. Pure: time and keys are arguments. Every backend of the
/// EVM rail asks it first; what the payer signed is compared with *our* offer, never with the client's echo of it.
package struct TransferVerifier: Sendable {
    package var policy: TransferPolicy
    private let domains: DomainTable
    /// Who settles here under scheme upto.
    let facilitators: [Address]

    package init(
        policy: TransferPolicy = TransferPolicy(), domains: DomainTable = DomainTable(), facilitators: [Address] = []
    ) {
        self.policy = policy
        self.domains = domains
        self.facilitators = facilitators
    }

    /// What the terms of a payment come to, its signature apart.
    package enum TermsVerdict: Sendable {
        case met(TransferTerms)
        case refused(ReasonCode, payer: Address?)
    }

    /// What the signature of a payment comes to.
    package enum SignatureVerdict: Hashable, Sendable {
        /// The payer's own key made it.
        case signed(RecoverableSignature)
        /// Not a key's signature; a contract at the payer's address may accept it (ERC-1271, ERC-6492).
        case forContract
        case refused(ReasonCode)
    }

    /// Checks all but the signature.
    ///
    /// A surplus is refused in version 1 too: no known client signs one, and the payer would overpay.
    package func terms(
        of payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) -> TermsVerdict {
        let transfer: SignedTransfer
        switch payment.payload {
        case .transfer(let signed): transfer = signed
        case .permit(let permit): return terms(of: permit, payment, for: requirements, now: now)
        case .other: return .refused(requirements.scheme == "upto" ? .unsupportedPayload : .invalidPayload, payer: nil)
        }
        let payer = transfer.from
        guard payment.scheme == Self.scheme, requirements.scheme == Self.scheme else {
            return .refused(.unsupportedScheme, payer: payer)
        }
        if let network = payment.network, network != requirements.network {
            return .refused(.networkMismatch, payer: payer)
        }
        guard let chainID = requirements.network.chainID else {
            return .refused(.noNetworkConfiguration, payer: payer)
        }
        guard let asset = requirements.asset.address else { return .refused(.noAssetInformation, payer: payer) }
        guard let name = requirements.extra.name, let version = requirements.extra.version else {
            return .refused(.missingDomain, payer: payer)
        }
        // An offer may ask for Permit2 or an escrow, which a bare transfer does not meet.
        guard requirements.extra.others.isEmpty || requirements.isPayableByTransfer else {
            return .refused(.invalidPaymentRequirements, payer: payer)
        }
        guard requirements.payTo.address == transfer.to else { return .refused(.recipientMismatch, payer: payer) }
        guard transfer.value == requirements.amount else { return .refused(.valueMismatch, payer: payer) }
        if let reason = windowRefusal(transfer, now: now) { return .refused(reason, payer: payer) }
        let domain = domains.domain(name: name, version: version, chainID: chainID, contract: asset)
        return .met(TransferTerms(transfer, chainID: chainID, domain: domain))
    }

    /// The terms of a payment that were met once, whatever the time is now; nil for one whose terms never could be.
    package func knownTerms(of payment: Payment, for requirements: PaymentRequirements) -> TransferTerms? {
        guard let chainID = requirements.network.chainID, let asset = requirements.asset.address else { return nil }
        switch payment.payload {
        case .transfer(let transfer):
            guard let name = requirements.extra.name, let version = requirements.extra.version else { return nil }
            let domain = domains.domain(name: name, version: version, chainID: chainID, contract: asset)
            return TransferTerms(transfer, chainID: chainID, domain: domain)
        case .permit(let permit): return TransferTerms(permit, chainID: chainID, scheme: requirements.scheme)
        case .other: return nil
        }
    }

    /// Checks the signature of a payment whose terms are met.
    ///
    /// Without `checkingParity` a payer whose key is known costs a verification, a seventh less than a recovery; `v`, which
    /// only tells the recovery where to look, then proves nothing: for rails that put no `v` of the payer into a transaction.
    package func signature(
        of terms: TransferTerms, keys: inout PublicKeyCache, checkingParity: Bool = true
    ) -> SignatureVerdict {
        let parsed: RecoverableSignature.Parsed
        switch terms.signature {
        case .rsv(let r, let s, let v):
            parsed = withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { bytes in
                r.withBytes { bytes.copyMemory(from: $0) }
                s.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[32...]).copyMemory(from: $0) }
                bytes[64] = v
                return RecoverableSignature.parse(UnsafeRawBufferPointer(bytes))
            }
        case .bytes(let bytes):
            if bytes.isEmpty { return .refused(terms.reasons.signature) }
            parsed = bytes.withUnsafeBytes { RecoverableSignature.parse($0) }
        }
        switch parsed {
        case .signature(let signature):
            let signed = keys.signer(
                of: terms.digest, signature: signature, claimed: terms.payer, checkingParity: checkingParity)
            return signed ? .signed(signature) : .refused(terms.reasons.signature)
        case .highS: return .refused(terms.reasons.signature)
        case .badV, .outOfRange: return .refused(terms.reasons.malformedSignature)
        case .wrongLength: return .forContract
        }
    }

    /// The one scheme that ERC-3009 transfers come under.
    package static let scheme = "exact"

    /// FiatToken wants `validAfter < now < validBefore`, both strictly; the SDK's `validAfter ≤ now` could still be refused.
    private func windowRefusal(_ transfer: SignedTransfer, now: UnixTime) -> ReasonCode? {
        if transfer.validBefore < now.adding(seconds: policy.validBeforeMargin).word { return .validBefore }
        if transfer.validAfter >= now.word { return .validAfter }
        if transfer.validBefore > now.adding(seconds: policy.maxValidity).word { return .validityTooLong }
        return nil
    }
}

extension UnixTime {
    /// The time as the contract's word; before 1970 it is zero.
    var word: UInt256 { UInt256(UInt64(clamping: seconds)) }
}
