package import EVM
package import Ledger
package import Primitives
package import X402

/// The offchain rail without a bridge: the payload's form and replay for real, and no value moves.
package final class MockOffchainRail: Rail {
    package let id: String
    package let kinds: [SupportedKind]
    package let signers: [(pattern: String, signers: [String])]
    package let settlement: SettlementStyle
    private let payer: String
    private let prefix: String
    private let fields: OffchainFields

    package init(_ scope: AdapterScope, settings: MockOffchainSettings) {
        id = scope.id
        kinds = scope.kinds(extra: [.isMock])
        signers = scope.signersByPattern
        payer = settings.payer
        let text = settings.transactionPrefix
        prefix = text.hasSuffix("-") ? text : text + "-"
        fields = settings.fields
        settlement = .local(transactionPrefix: prefix)
    }

    package var notices: [String] {
        let networks = Set(kinds.map(\.network.text)).sorted().joined(separator: ", ")
        return ["MOCK RAIL `\(id)` (\(networks)): every well-formed payment is taken, and NO VALUE MOVES"]
    }

    package func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        guard case .other(let payload) = payment.payload else { return nil }
        return fields.identity(of: payload, scheme: requirements.scheme, network: requirements.network)
    }

    package func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        .decided(verdict(on: payment, for: requirements))
    }

    package func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        verdict(on: payment, for: requirements)
    }

    package func settle(_ order: SettleOrder) async -> SettleOutcome {
        .settled(
            transaction: LocalSettlement.transaction(prefix: prefix, identity: order.identity), payer: order.payer)
    }

    package func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        .settled(
            transaction: LocalSettlement.transaction(prefix: prefix, identity: record.claim.identity),
            payer: record.claim.payer)
    }

    private func verdict(on payment: Payment, for requirements: PaymentRequirements) -> VerifyOutcome {
        switch OffchainTerms.check(payment, for: requirements, fields: fields) {
        case .refused(let reason): .invalid(reason, payer: nil)
        case .met(let terms):
            .valid(VerifiedPayment(identity: terms.identity, payer: payer, validBefore: nil))
        }
    }
}
