/// The answer of `/verify`.
package struct VerifyAnswer: Hashable, Sendable {
    package var isValid: Bool
    package var invalidReason: ReasonCode?
    package var invalidMessage: String?
    package var payer: String?

    package init(
        isValid: Bool, invalidReason: ReasonCode? = nil, invalidMessage: String? = nil, payer: String? = nil
    ) {
        self.isValid = isValid
        self.invalidReason = invalidReason
        self.invalidMessage = invalidMessage
        self.payer = payer
    }

    /// The JSON, absent fields left out.
    package func encoded() -> [UInt8] {
        var members = [JSONMember("isValid", .bool(isValid))]
        if let invalidReason { members.append(JSONMember("invalidReason", .string(invalidReason.rawValue))) }
        if let invalidMessage { members.append(JSONMember("invalidMessage", .string(invalidMessage))) }
        if let payer { members.append(JSONMember("payer", .string(payer))) }
        return JSONValue.object(members).encoded()
    }

    /// Reads an answer strictly: `isValid` a truth value, no field of another type; unknown fields are ignored.
    package static func parse(_ body: UnsafeRawBufferPointer) throws(WireError) -> VerifyAnswer {
        let json = try JSONValue.parse(body)
        return VerifyAnswer(
            isValid: try json.requiredBool("isValid"),
            invalidReason: try json.optionalString("invalidReason").map(ReasonCode.init(wire:)),
            invalidMessage: try json.optionalString("invalidMessage").map { $0.clipped(to: Receipt.maxMessageBytes) },
            payer: try json.optionalString("payer"))
    }
}

/// The answer of `/settle`, which is a receipt.
package typealias SettleAnswer = Receipt
