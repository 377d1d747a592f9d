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

    // The official SDK's, for Permit2 and for scheme upto.
    package static let permitSpender = ReasonCode("invalid_permit2_spender")
    package static let permitRecipientMismatch = ReasonCode("invalid_permit2_recipient_mismatch")
    package static let permitDeadline = ReasonCode("permit2_deadline_expired")
    package static let permitNotYetValid = ReasonCode("permit2_not_yet_valid")
    package static let permitAmountMismatch = ReasonCode("permit2_amount_mismatch")
    package static let permitTokenMismatch = ReasonCode("permit2_token_mismatch")
    package static let permitSignature = ReasonCode("invalid_permit2_signature")
    package static let permitNonceUsed = ReasonCode("permit2_invalid_nonce")
    package static let permitAllowanceRequired = ReasonCode("permit2_allowance_required")
    package static let permitInsufficientBalance = ReasonCode("permit2_insufficient_balance")
    package static let uptoScheme = ReasonCode("invalid_upto_evm_scheme")
    package static let uptoNetworkMismatch = ReasonCode("invalid_upto_evm_network_mismatch")
    package static let uptoFacilitatorMismatch = ReasonCode("upto_facilitator_mismatch")
    package static let uptoExceedsAmount = ReasonCode("invalid_upto_evm_payload_settlement_exceeds_amount")
    package static let uptoTransactionFailed = ReasonCode("invalid_upto_evm_transaction_failed")
    package static let unsupportedPayload = ReasonCode("unsupported_payload_type")

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
    package static let identifierRequired = ReasonCode("payment_identifier_required")
    package static let identifierInvalid = ReasonCode("invalid_payment_identifier")
    package static let identifierConflict = ReasonCode("payment_identifier_conflict")
    package static let identifierAnswered = ReasonCode("payment_identifier_answered")
    package static let ambiguousOffer = ReasonCode("ambiguous_offer")
}
