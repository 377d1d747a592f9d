import EVM
package import X402

// Codes of the official Python SDK 2.25 for what only the chain can tell, and our own.
extension ReasonCode {
    package static let assetNotDeployed = ReasonCode(rawValue: "asset_not_deployed_contract")
    /// The token has no `authorizationState`.
    package static let transferAuthorizationNotSupported = ReasonCode(
        rawValue: "invalid_exact_evm_eip3009_not_supported")
    package static let simulationFailed = ReasonCode(rawValue: "invalid_exact_evm_transaction_simulation_failed")
    package static let walletFactoryNotAllowed = ReasonCode(rawValue: "eip6492_factory_not_allowed")
    package static let transferEventMismatch = ReasonCode(rawValue: "invalid_exact_evm_transfer_event_mismatch")
    /// The payment brings less than its gas would cost.
    package static let notWorthItsGas = ReasonCode(rawValue: "amount_below_settlement_cost")
}

extension RevertReason {
    /// What the token says is wrong with a transfer; nil when its words are not known.
    ///
    /// Words of FiatToken, of OpenZeppelin's ERC-20 and of the errors that took their place (ERC-6093), as the SDK maps them.
    var reasonCode: ReasonCode? {
        let text = text.lowercased()
        return Self.words.first { text.contains($0.0) }?.1
    }

    /// Whether waiting may help: the payer may be funded, or a paused token go on.
    var isTransient: Bool {
        guard let code = reasonCode else { return true }
        return code == .insufficientBalance || code == .validAfter
    }

    private static let words: [(String, ReasonCode)] = [
        ("authorization is expired", .validBefore), ("authorization is not yet valid", .validAfter),
        ("authorization is used", .nonceAlreadyUsed), ("authorizationalreadyused", .nonceAlreadyUsed),
        ("authorizationusedorcanceled", .nonceAlreadyUsed), ("transfer amount exceeds balance", .insufficientBalance),
        ("erc20insufficientbalance", .insufficientBalance), ("invalid signature", .signature),
        ("signermismatch", .signature), ("invalidsignaturev", .signature), ("invalidsignatures", .signature),
        ("ecdsainvalidsignature", .signature),
    ]
}
