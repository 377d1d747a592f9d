import EVM
import Primitives
import Transport
import X402

/// What came of a call of `pay`.
struct PayReport {
    var status: ExitStatus
    /// The last answer; nil where nothing was answered, or nothing was sent.
    var response: OutgoingResponse?
    /// The payment that was sent.
    var payment: PaymentField?
    var answer: PaidAnswer?

    /// For `--json`.
    var json: JSONValue {
        var members: [JSONMember] = [JSONMember("exit", .integer(status.rawValue))]
        if let response { members.append(JSONMember("status", .integer(response.status))) }
        if let payment = payment?.payment { members.append(JSONMember("payment", Self.json(of: payment))) }
        if let answer { members += answer.members }
        if let response {
            members.append(
                JSONMember(
                    "headers",
                    .array(response.headers.map { .array([.string($0.name), .string($0.value)]) })))
            if let text = String(validating: response.body, as: UTF8.self) {
                members.append(JSONMember("body", .string(text)))
            } else {
                members.append(JSONMember("bodyBase64", .string(Base64.encode(response.body))))
            }
        }
        return .object(members)
    }

    private static func json(of payment: Payment) -> JSONValue {
        guard case .transfer(let transfer) = payment.payload else { return .object([]) }
        return .members([
            "form": .string(payment.form.word), "network": .text(payment.network?.name),
            "asset": .text((payment.accepted?.asset ?? payment.asset)?.description),
            "amount": .string(transfer.value.description), "payTo": .string(transfer.to.description),
            "payer": .string(transfer.from.description), "nonce": .string(transfer.nonce.description),
        ])
    }
}

extension PaymentForm {
    /// The word of `--form`.
    var word: String {
        switch self {
        case .v1: "v1"
        case .v2: "v2"
        case .plain: "plain"
        }
    }
}

extension PaidAnswer {
    /// The outcome in one word, with what belongs to it.
    var members: [JSONMember] {
        switch self {
        case .delivered(let receipt):
            [JSONMember("outcome", .string("delivered"))] + Self.members(receipt)
        case .pending(let transaction):
            [JSONMember("outcome", .string("pending"))]
                + (transaction.map { [JSONMember("transaction", .string($0))] } ?? [])
        case .undelivered(let receipt, let grant):
            [JSONMember("outcome", .string("undelivered"))] + Self.members(receipt)
                + (grant.map { [JSONMember("grant", .string($0))] } ?? [])
        case .refused(let reason):
            [JSONMember("outcome", .string("refused")), JSONMember("reason", .string(reason))]
        case .failed:
            [JSONMember("outcome", .string("failed"))]
        }
    }

    private static func members(_ receipt: Receipt?) -> [JSONMember] {
        guard let receipt, let json = try? JSONValue.parse(receipt.encoded()) else { return [] }
        return [JSONMember("receipt", json)]
    }
}
