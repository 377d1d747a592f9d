package import EVM
package import Ledger
package import Primitives
package import X402

/// The EVM rail without a chain: signatures, terms and replay for real, and no value moves.
package final class MockEVMRail: Rail {
    package let id: String
    package let kinds: [SupportedKind]
    package let signers: [(pattern: String, signers: [String])]
    package let settlement: SettlementStyle
    private let verifier: TransferVerifier

    /// What its transactions begin with, so that they look like a chain's.
    private static let prefix = "0x"

    package init(_ scope: AdapterScope, settings: MockEVMSettings) {
        id = scope.id
        kinds = scope.kinds(extra: [.isMock], uptoExtra: [.facilitatorAddress(MockEVMSettings.facilitator)])
        signers = scope.signersByPattern
        settlement = .local(transactionPrefix: Self.prefix)
        verifier = TransferVerifier(
            policy: settings.policy, domains: DomainTable(settings.domains), facilitators: [MockEVMSettings.facilitator]
        )
    }

    package var notices: [String] {
        let networks = Set(kinds.map(\.network.text)).sorted().joined(separator: ", ")
        return ["MOCK RAIL `\(id)` (\(networks)): signatures and replay are checked, but NO VALUE MOVES"]
    }

    package func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        PaymentIdentity(of: payment, for: requirements)
    }

    package func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        switch verifier.terms(of: payment, for: requirements, now: now) {
        case .refused(let reason, let payer):
            return .decided(.invalid(reason, payer: payer?.checksummed))
        case .met(let terms):
            switch verifier.signature(of: terms, keys: &keys, checkingParity: false) {
            case .signed: return .decided(.valid(terms.verified))
            // No chain is asked here, so no contract is known at the payer's address.
            case .forContract:
                return .decided(.invalid(terms.reasons.noWallet, payer: terms.payer.checksummed))
            case .refused(let reason):
                return .decided(.invalid(reason, payer: terms.payer.checksummed))
            }
        }
    }

    package func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        var keys = PublicKeyCache(capacity: 2)
        switch verifyLocally(payment, for: requirements, now: now, keys: &keys) {
        case .decided(let outcome): return outcome
        case .needsNetwork: throw RailError(.misconfigured, adapter: id, "a mock rail has no network")
        }
    }

    package func settle(_ order: SettleOrder) async -> SettleOutcome {
        .settled(
            transaction: LocalSettlement.transaction(prefix: Self.prefix, identity: order.identity), payer: order.payer)
    }

    package func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        .settled(
            transaction: LocalSettlement.transaction(prefix: Self.prefix, identity: record.claim.identity),
            payer: record.claim.payer)
    }
}

extension MockEVMRail {
    /// There is no chain; the name that the mock gave can be worked out again.
    package func audit(_ record: PaymentRecord) async throws(RailError) -> AuditVerdict {
        let expected = LocalSettlement.transaction(prefix: Self.prefix, identity: record.claim.identity)
        return record.transaction == expected ? .agrees : .differs("the mock names another transaction")
    }
}

extension JSONMember {
    /// Marks a kind in `/supported` whose settlements move no value.
    package static let isMock = JSONMember("mock", .bool(true))
}
