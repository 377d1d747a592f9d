import Ledger
import X402

extension APIAnswer {
    /// The answer to a body that is no request (x402 facilitator API: 400 in the shape of the endpoint's own answer).
    static func malformed(_ reason: ReasonCode, isSettle: Bool, requestID: String) -> APIAnswer {
        let message =
            reason == .invalidJSON
            ? "The body is not a JSON object without duplicate keys."
            : "paymentPayload and paymentRequirements are required."
        var members: [JSONMember]
        if isSettle {
            members = [
                JSONMember("success", .bool(false)), JSONMember("errorReason", .string(reason.rawValue)),
                JSONMember("errorMessage", .string(message)), JSONMember("transaction", .string("")),
                JSONMember("network", .string(unknownNetwork)),
            ]
        } else {
            members = [
                JSONMember("isValid", .bool(false)), JSONMember("invalidReason", .string(reason.rawValue)),
                JSONMember("invalidMessage", .string(message)),
            ]
        }
        members += [JSONMember("error", .string(reason.rawValue)), JSONMember("requestId", .string(requestID))]
        return APIAnswer(status: 400, members, word: reason.rawValue)
    }

    /// The verdict on a request that has the form of one, and fields that cannot be: 200, as every verdict.
    static func invalid(_ reason: ReasonCode, isSettle: Bool) -> APIAnswer {
        guard isSettle else { return verify(VerifyAnswer(isValid: false, invalidReason: reason)) }
        return APIAnswer(
            status: 200,
            [
                JSONMember("success", .bool(false)), JSONMember("errorReason", .string(reason.rawValue)),
                JSONMember("transaction", .string("")), JSONMember("network", .string(unknownNetwork)),
            ], word: reason.rawValue)
    }

    static func verify(_ answer: VerifyAnswer) -> APIAnswer {
        APIAnswer(status: 200, body: answer.encoded(), word: answer.invalidReason?.rawValue ?? "valid")
    }

    static func settle(_ answer: SettleAnswer, form: PaymentForm) -> APIAnswer {
        // The one verdict that has a status of its own, by the extension `payment-identifier`.
        APIAnswer(
            status: answer.reason == .identifierConflict ? 409 : 200, body: answer.encoded(form: form),
            word: answer.reason?.rawValue ?? "settled")
    }

    static func supported(_ answer: SupportedAnswer) -> APIAnswer {
        APIAnswer(status: 200, body: answer.encoded(), word: "supported")
    }

    /// What `GET /verify` and `GET /settle` say of themselves.
    static func description(of endpoint: String, purpose: String) -> APIAnswer {
        APIAnswer(
            status: 200,
            [
                JSONMember("endpoint", .string(endpoint)),
                JSONMember("description", .string("POST to \(purpose) an x402 payment")),
                JSONMember(
                    "body",
                    .object([
                        JSONMember("x402Version", .string("1 or 2")),
                        JSONMember("paymentPayload", .string("the payment, as its header carries it")),
                        JSONMember("paymentRequirements", .string("the offer that it pays")),
                    ])),
            ], word: "described")
    }

    /// Adapters and ledger; 503 while no claim can be made.
    static func health(rails: [any Rail], ledger: LedgerHealth) -> APIAnswer {
        let adapters = rails.map { rail in
            JSONValue.object([
                JSONMember("id", .string(rail.id)), JSONMember("state", .string(rail.condition.rawValue)),
            ])
        }
        let state: (status: Int, word: String, ledger: String)
        switch ledger {
        case .failing(let error): state = (503, "failing", error.code.rawValue)
        case .ready:
            let isDegraded = rails.contains { $0.condition != .ready }
            state = (200, isDegraded ? "degraded" : "ok", "ready")
        }
        return APIAnswer(
            status: state.status,
            [
                JSONMember("status", .string(state.word)), JSONMember("ledger", .string(state.ledger)),
                JSONMember("adapters", .array(adapters)),
            ], word: state.word)
    }

    /// The network of an answer to a request that names none we can read.
    private static let unknownNetwork = "unknown:unknown"
}
