import Primitives

extension SignedPermit {
    /// The member by which a payload is known as a permit.
    static let member = "permit2Authorization"

    /// Reads the payload of exact over Permit2 or of upto; nil unless every field is there and right.
    ///
    /// Numbers are decimal texts; a nonce may be hexadecimal too, as in the example of the upto specification.
    init?(payload: JSONValue) {
        guard let permit = payload[Self.member], let permitted = permit["permitted"], let witness = permit["witness"],
            let from = permit.address("from"), let token = permitted.address("token"),
            let amount = permitted.integer("amount"), let spender = permit.address("spender"),
            let nonce = permit.integer("nonce") ?? permit.hexInteger("nonce"),
            let deadline = permit.integer("deadline"), let to = witness.address("to"),
            let validAfter = witness.integer("validAfter")
        else { return nil }
        let facilitator = witness.address("facilitator")
        // One that is there and cannot be read is no witness without one.
        guard facilitator != nil || witness["facilitator"] == nil else { return nil }
        guard var text = payload["signature"]?.string,
            let signature = text.withUTF8({ PaymentSignature(hex: UnsafeRawBufferPointer($0)) })
        else { return nil }
        self.init(
            from: from, token: token, amount: amount, spender: spender, nonce: nonce, deadline: deadline, to: to,
            facilitator: facilitator, validAfter: validAfter, signature: signature)
    }

    /// `permit2Authorization` and `signature`, as they stand under `payload`.
    package var json: JSONValue {
        var witness = [JSONMember("to", .string(to.checksummed))]
        if let facilitator { witness.append(JSONMember("facilitator", .string(facilitator.checksummed))) }
        witness.append(JSONMember("validAfter", .string(validAfter.description)))
        return .object([
            JSONMember("signature", .string(Hex.encode(signature.bytes))),
            JSONMember(
                Self.member,
                .object([
                    JSONMember("from", .string(from.checksummed)),
                    JSONMember(
                        "permitted",
                        .object([
                            JSONMember("token", .string(token.checksummed)),
                            JSONMember("amount", .string(amount.description)),
                        ])),
                    JSONMember("spender", .string(spender.checksummed)),
                    JSONMember("nonce", .string(nonce.description)),
                    JSONMember("deadline", .string(deadline.description)), JSONMember("witness", .object(witness)),
                ])),
        ])
    }
}

extension JSONValue {
    fileprivate func address(_ key: String) -> Address? { self[key]?.string.flatMap { Address($0) } }

    fileprivate func integer(_ key: String) -> UInt256? { self[key]?.string.flatMap { UInt256($0) } }

    /// `0x` and one to 64 digits.
    fileprivate func hexInteger(_ key: String) -> UInt256? {
        guard let text = self[key]?.string, text.hasPrefix("0x"), (3...66).contains(text.utf8.count) else { return nil }
        let digits = text.dropFirst(2)
        let padded = String(repeating: "0", count: 64 - digits.utf8.count) + digits
        return Bytes32(hex: "0x" + padded)?.withBytes { UInt256(bigEndian: $0) }
    }
}
