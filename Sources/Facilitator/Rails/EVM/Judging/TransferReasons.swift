package import EVM
package import X402

/// The reason codes of one kind of payment, as the official Python SDK 2.25 has them.
package struct TransferReasons: Hashable, Sendable {
    package let signature: ReasonCode
    package let malformedSignature: ReasonCode
    /// Not a key's signature, and no contract is there to accept it.
    package let noWallet: ReasonCode
    package let expired: ReasonCode
    package let used: ReasonCode
    package let insufficientBalance: ReasonCode
    /// The trial failed, and nobody says why.
    package let failedTrial: ReasonCode

    /// The codes of ERC-3009, or of Permit2 under the scheme of the permit's witness.
    package init(permit: PermitTransfer?) {
        switch (permit, permit?.witness.facilitator) {
        case (nil, _): self = .authorization
        case (_, nil): self = .exactPermit
        case (_, _): self = .upto
        }
    }

    private init(
        signature: ReasonCode, malformedSignature: ReasonCode, noWallet: ReasonCode, expired: ReasonCode,
        used: ReasonCode, insufficientBalance: ReasonCode, failedTrial: ReasonCode
    ) {
        self.signature = signature
        self.malformedSignature = malformedSignature
        self.noWallet = noWallet
        self.expired = expired
        self.used = used
        self.insufficientBalance = insufficientBalance
        self.failedTrial = failedTrial
    }

    private static let authorization = TransferReasons(
        signature: .signature, malformedSignature: .failedToVerifySignature, noWallet: .undeployedSmartWallet,
        expired: .validBefore, used: .nonceAlreadyUsed, insufficientBalance: .insufficientBalance,
        failedTrial: .simulationFailed)
    private static let exactPermit = TransferReasons(
        signature: .permitSignature, malformedSignature: .permitSignature, noWallet: .permitSignature,
        expired: .permitDeadline, used: .permitNonceUsed, insufficientBalance: .insufficientBalance,
        failedTrial: .simulationFailed)
    private static let upto = TransferReasons(
        signature: .permitSignature, malformedSignature: .permitSignature, noWallet: .permitSignature,
        expired: .permitDeadline, used: .permitNonceUsed, insufficientBalance: .permitInsufficientBalance,
        failedTrial: .uptoTransactionFailed)
}

extension ReasonCode {
    /// Whether it says that the payment's nonce is used.
    package var saysUsed: Bool { self == .nonceAlreadyUsed || self == .permitNonceUsed }
    /// Whether it says that the payment's time is over.
    package var saysExpired: Bool { self == .validBefore || self == .permitDeadline }
}
