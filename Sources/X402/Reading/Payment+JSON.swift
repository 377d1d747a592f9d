import Primitives

extension Payment {
    /// What `PAYMENT-SIGNATURE` or `X-PAYMENT` carries in this payment's form.
    package var json: JSONValue {
        switch form {
        case .v2: version2JSON(accepted: acceptedJSON)
        case .v1: version1JSON
        case .plain: plainJSON
        }
    }

    /// The header's value: `json` in base64.
    package func headerValue() -> String { Base64.encode(json.encoded()) }

    /// Version 2's payload with the given entry as `accepted`.
    func version2JSON(accepted: JSONValue) -> JSONValue {
        .object([
            JSONMember("x402Version", .number("2")), JSONMember("accepted", accepted),
            JSONMember("payload", payload.json),
        ])
    }

    /// The client's echo; without one, an object with what is known.
    var acceptedJSON: JSONValue {
        guard let accepted, let network else { return .object([JSONMember("scheme", .string(scheme))]) }
        var members = [
            JSONMember("scheme", .string(scheme)), JSONMember("network", .string(network.name)),
            JSONMember("amount", .string(accepted.amount.description)),
            JSONMember("asset", .string(accepted.asset.description)),
            JSONMember("payTo", .string(accepted.payTo.description)),
        ]
        if let seconds = accepted.maxTimeoutSeconds {
            members.append(JSONMember("maxTimeoutSeconds", .number(String(seconds))))
        }
        members.append(JSONMember("extra", accepted.extra.json ?? .object([])))
        return .object(members)
    }

    private var version1JSON: JSONValue {
        .object([
            JSONMember("x402Version", .number("1")), JSONMember("scheme", .string(scheme)),
            JSONMember("network", .string(network.map { $0.v1Name ?? $0.name } ?? "")),
            JSONMember("payload", payload.json),
        ])
    }

    private var plainJSON: JSONValue {
        guard case .object(var members) = payload.json else { return payload.json }
        if let network { members.append(JSONMember("chain", .string(network.name))) }
        if let asset { members.append(JSONMember("asset", .string(asset.description))) }
        return .object(members)
    }
}

extension SchemePayload {
    /// The scheme's own object, as it stands under `payload`.
    package var json: JSONValue {
        switch self {
        case .transfer(let transfer): transfer.json
        case .permit(let permit): permit.json
        case .other(let value): value
        }
    }
}

extension SignedTransfer {
    /// `authorization` and `signature` of the exact scheme on EVM chains.
    package var json: JSONValue {
        .object([
            JSONMember("signature", .string(Hex.encode(signature.bytes))),
            JSONMember(
                "authorization",
                .object([
                    JSONMember("from", .string(from.checksummed)), JSONMember("to", .string(to.checksummed)),
                    JSONMember("value", .string(value.description)),
                    JSONMember("validAfter", .string(validAfter.description)),
                    JSONMember("validBefore", .string(validBefore.description)),
                    JSONMember("nonce", .string(nonce.description)),
                ])),
        ])
    }
}

extension PaymentSignature {
    /// All bytes, `r ‖ s ‖ v` for the common form.
    package var bytes: [UInt8] {
        switch self {
        case .rsv(let r, let s, let v): r.bytes + s.bytes + [v]
        case .bytes(let bytes): bytes
        }
    }
}
