import EVM
import Primitives
import X402

/// Terms of payments over Permit2: scheme exact where an offer asks for it, and scheme upto.
extension TransferVerifier {
    func terms(
        of permit: SignedPermit, _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) -> TermsVerdict {
        let payer = permit.from
        let isUpto = requirements.scheme == "upto"
        guard payment.scheme == requirements.scheme, isUpto || requirements.scheme == Self.scheme else {
            return .refused(isUpto ? .uptoScheme : .unsupportedScheme, payer: payer)
        }
        if let network = payment.network, network != requirements.network {
            return .refused(isUpto ? .uptoNetworkMismatch : .networkMismatch, payer: payer)
        }
        guard let chainID = requirements.network.chainID else {
            return .refused(.noNetworkConfiguration, payer: payer)
        }
        guard let asset = requirements.asset.address else { return .refused(.noAssetInformation, payer: payer) }
        // An offer says by which method it is paid; one of ERC-3009 is not paid by a permit.
        guard requirements.isPayableByPermit else {
            return .refused(
                requirements.isPayableByTransfer ? .invalidPayload : .invalidPaymentRequirements, payer: payer)
        }
        if let reason = partiesRefusal(permit, for: requirements, isUpto: isUpto) {
            return .refused(reason, payer: payer)
        }
        if let reason = windowRefusal(permit, now: now) { return .refused(reason, payer: payer) }
        guard permit.amount == requirements.amount else { return .refused(.permitAmountMismatch, payer: payer) }
        guard permit.token == asset else { return .refused(.permitTokenMismatch, payer: payer) }
        guard let terms = TransferTerms(permit, chainID: chainID, scheme: requirements.scheme) else {
            // Another witness than the scheme's was signed.
            return .refused(.permitSignature, payer: payer)
        }
        return .met(terms)
    }

    private func partiesRefusal(
        _ permit: SignedPermit, for requirements: PaymentRequirements, isUpto: Bool
    ) -> ReasonCode? {
        guard permit.spender == (isUpto ? Permit2.uptoProxy : Permit2.exactProxy) else { return .permitSpender }
        guard requirements.payTo.address == permit.to else { return .permitRecipientMismatch }
        guard isUpto else { return nil }
        guard let facilitator = permit.facilitator, facilitators.contains(facilitator) else {
            return .uptoFacilitatorMismatch
        }
        return nil
    }

    /// The proxies want `validAfter ≤ now`, Permit2 wants `now ≤ deadline`.
    private func windowRefusal(_ permit: SignedPermit, now: UnixTime) -> ReasonCode? {
        if permit.deadline < now.adding(seconds: policy.validBeforeMargin).word { return .permitDeadline }
        if permit.validAfter > now.word { return .permitNotYetValid }
        if permit.deadline > now.adding(seconds: policy.maxValidity).word { return .validityTooLong }
        return nil
    }
}
