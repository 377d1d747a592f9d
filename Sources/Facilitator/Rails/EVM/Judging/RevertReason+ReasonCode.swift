import EVM
package import X402

// Codes of the official Python SDK 2.25 for what only the chain can tell, and our own.
extension ReasonCode {
    package static let assetNotDeployed = ReasonCode(rawValue: "asset_not_deployed_contract")
    /// The token has no `authorizationState`.
    package static let transferAuthorizationNotSupported = ReasonCode(
        rawValue: "invalid_exact_evm_eip3009_not_supported")
    package static let simulationFailed = ReasonCode(rawValue: "invalid_exact_evm_transaction_simulation_failed")
    /// The chain lacks the contract that spends under Permit2 (a code of the official TypeScript SDK).
    package static let permitProxyNotDeployed = ReasonCode(rawValue: "permit2_proxy_not_deployed")
    package static let walletFactoryNotAllowed = ReasonCode(rawValue: "eip6492_factory_not_allowed")
    package static let transferEventMismatch = ReasonCode(rawValue: "invalid_exact_evm_transfer_event_mismatch")
    /// The payment brings less than its gas would cost.
    package static let notWorthItsGas = ReasonCode(rawValue: "amount_below_settlement_cost")
}

extension RevertReason {
    /// What a contract says is wrong with a transfer; nil when its words are not known.
    ///
    /// Of ERC-3009 words of FiatToken, of OpenZeppelin's ERC-20 and of the errors that took their place (ERC-6093), as the SDK maps
    /// them. Of Permit2 its errors and those of the proxies; what the token said they do not tell.
    func reasonCode(of permit: PermitTransfer?) -> ReasonCode? {
        let text = text.lowercased()
        let words = permit == nil ? Self.words : Self.permitWords
        return words.first { text.contains($0.0) }?.1
    }

    private static let words: [(String, ReasonCode)] = [
        ("authorization is expired", .validBefore), ("authorization is not yet valid", .validAfter),
        ("authorization is used", .nonceAlreadyUsed), ("authorizationalreadyused", .nonceAlreadyUsed),
        ("authorizationusedorcanceled", .nonceAlreadyUsed), ("transfer amount exceeds balance", .insufficientBalance),
        ("erc20insufficientbalance", .insufficientBalance), ("invalid signature", .signature),
        ("signermismatch", .signature), ("invalidsignaturev", .signature), ("invalidsignatures", .signature),
        ("ecdsainvalidsignature", .signature),
    ]

    private static let permitWords: [(String, ReasonCode)] = [
        ("invalidnonce", .permitNonceUsed), ("signatureexpired", .permitDeadline),
        ("paymenttooearly", .permitNotYetValid), ("invalidsigner", .permitSignature),
        ("invalidsignature", .permitSignature), ("invalidcontractsignature", .permitSignature),
        ("unauthorizedfacilitator", .uptoFacilitatorMismatch), ("amountexceedspermitted", .uptoExceedsAmount),
    ]
}
