import Ledger
import X402

/// An offchain payment that is one of ours by its form; only the bridge knows whether it is good.
struct OffchainTerms: Sendable {
    let payload: JSONValue
    let identity: PaymentIdentity

    /// What the form of a payment comes to.
    enum Verdict: Sendable {
        case met(OffchainTerms)
        case refused(ReasonCode)
    }

    /// Checks what can be checked without the bridge: scheme, network, the echo of the offer, the payload's keys.
    static func check(
        _ payment: Payment, for requirements: PaymentRequirements, fields: OffchainFields
    ) -> Verdict {
        guard payment.scheme == requirements.scheme else { return .refused(.unsupportedScheme) }
        guard payment.network == requirements.network else { return .refused(.networkMismatch) }
        guard case .other(let payload) = payment.payload,
            let identity = fields.identity(of: payload, scheme: payment.scheme, network: requirements.network)
        else { return .refused(.invalidPayload) }
        guard payment.echoes(requirements) else { return .refused(.invalidPaymentRequirements) }
        return .met(OffchainTerms(payload: payload, identity: identity))
    }
}

extension Payment {
    /// Whether the client's echo of the offer, where there is one, names our asset, amount and recipient.
    func echoes(_ requirements: PaymentRequirements) -> Bool {
        guard let accepted else { return true }
        return accepted.asset == requirements.asset && accepted.amount == requirements.amount
            && accepted.payTo == requirements.payTo
    }
}
