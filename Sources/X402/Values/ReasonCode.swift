/// A machine-readable reason why a payment was not taken.
///
/// The strings are those of the x402 specification and of the official Python SDK 2.25; the last group is ours.
package struct ReasonCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    package var description: String { rawValue }

    // The specification's list.
    package static let insufficientFunds = ReasonCode("insufficient_funds")
    package static let validAfter = ReasonCode("invalid_exact_evm_payload_authorization_valid_after")
    package static let validBefore = ReasonCode("invalid_exact_evm_payload_authorization_valid_before")
    package static let valueMismatch = ReasonCode("invalid_exact_evm_payload_authorization_value_mismatch")
    package static let signature = ReasonCode("invalid_exact_evm_payload_signature")
    package static let recipientMismatch = ReasonCode("invalid_exact_evm_payload_recipient_mismatch")
    package static let invalidNetwork = ReasonCode("invalid_network")
    package static let invalidPayload = ReasonCode("invalid_payload")
    package static let invalidPaymentRequirements = ReasonCode("invalid_payment_requirements")
    package static let invalidScheme = ReasonCode("invalid_scheme")
    package static let unsupportedScheme = ReasonCode("unsupported_scheme")
    package static let invalidVersion = ReasonCode("invalid_x402_version")
    package static let unexpectedVerifyError = ReasonCode("unexpected_verify_error")
    package static let unexpectedSettleError = ReasonCode("unexpected_settle_error")

    // The official SDK's additions for exact on EVM.
    package static let undeployedSmartWallet = ReasonCode("invalid_exact_evm_payload_undeployed_smart_wallet")
    package static let failedToVerifySignature = ReasonCode("invalid_exact_evm_failed_to_verify_signature")
    package static let nonceAlreadyUsed = ReasonCode("invalid_exact_evm_nonce_already_used")
    package static let insufficientBalance = ReasonCode("invalid_exact_evm_insufficient_balance")
    package static let missingDomain = ReasonCode("missing_eip712_domain")
    package static let networkMismatch = ReasonCode("network_mismatch")
    package static let transactionFailed = ReasonCode("transaction_failed")
    package static let settlementPending = ReasonCode("settlement_pending")
    package static let duplicateSettlement = ReasonCode("duplicate_settlement")

    // The facilitator's answer to malformed requests.
    package static let invalidJSON = ReasonCode("invalid_json")
    package static let missingParameters = ReasonCode("missing_parameters")

    // Ours.
    package static let paymentRequired = ReasonCode("payment_required")
    package static let noMatchingOffer = ReasonCode("no_matching_payment_requirements")
    package static let paymentAlreadyUsed = ReasonCode("payment_already_used")
    package static let paymentInFlight = ReasonCode("payment_in_flight")
    package static let conflictingPayments = ReasonCode("conflicting_payments")
    package static let validityTooLong = ReasonCode("validity_too_long")
    package static let ambiguousOffer = ReasonCode("ambiguous_offer")
}
