package import X402

/// What a claim keeps so that its rail can settle or ask again after a restart.
///
/// JSON of `payment`, the form that its header carries, and `requirements`, the offer in version 2 form. The ledger erases it
/// once the value is terminal.
package struct SettlementBlob: Hashable, Sendable {
    package var payment: Payment
    package var requirements: PaymentRequirements

    package init(payment: Payment, requirements: PaymentRequirements) {
        self.payment = payment
        self.requirements = requirements
    }

    /// Reads what `encoded` wrote; nil for anything else.
    package init?(_ bytes: [UInt8]) {
        guard let value = try? JSONValue.parse(bytes), let payment = value["payment"],
            let requirements = value["requirements"], let offer = try? PaymentRequirements.parse(v2: requirements),
            case .payment(let read) = payment.encoded().withUnsafeBytes({ Payment.parse(json: $0) })
        else { return nil }
        self.payment = read
        self.requirements = offer
    }

    /// The bytes for `Claim.settlement`.
    package func encoded() -> [UInt8] {
        JSONValue.object([
            JSONMember("payment", payment.json), JSONMember("requirements", requirements.v2JSON),
        ]).encoded()
    }
}
