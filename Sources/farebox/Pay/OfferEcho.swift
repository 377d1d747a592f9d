import Primitives
import X402

/// A 402 of version 2 as the server wrote it.
///
/// Servers compare `accepted` with their offer byte by byte, addresses included, so it is sent back as it came.
struct OfferEcho {
    private let resource: JSONValue?
    private let entries: [JSONValue]

    /// Reads the value of `PAYMENT-REQUIRED`; empty when it is not one of version 2.
    init(paymentRequired header: String?) {
        let json = header.flatMap(Base64.decode).flatMap { try? JSONValue.parse($0) }
        guard let json, case .array(let entries)? = json["accepts"] else {
            resource = nil
            self.entries = []
            return
        }
        if case .object? = json["resource"] { resource = json["resource"] } else { resource = nil }
        self.entries = entries
    }

    /// The payload of version 2 with the server's own words for the offer.
    func payload(of payment: Payment, for offer: PaymentRequirements) -> JSONValue {
        guard payment.form == .v2, case .object(let members) = payment.json,
            let entry = entries.first(where: { (try? PaymentRequirements.parse(v2: $0)) == offer })
        else { return payment.json }
        var echoed = members.map { $0.key == "accepted" ? JSONMember("accepted", entry) : $0 }
        if let resource, !members.contains(where: { $0.key == "resource" }) {
            echoed.append(JSONMember("resource", resource))
        }
        return .object(echoed)
    }
}
