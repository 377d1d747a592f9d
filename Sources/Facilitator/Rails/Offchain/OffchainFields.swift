package import Ledger
import Primitives
package import X402

/// Which top-level keys an offchain payload may have, and which make two payloads the same payment.
package struct OffchainFields: Hashable, Sendable {
    /// Keys whose values, where present, are the payment's identity.
    package var identity: [String]
    /// Further keys that are let through to the bridge and change nothing about the identity.
    package var others: [String]

    package init(identity: [String] = ["paymentIntentId", "signature"], others: [String] = []) {
        self.identity = identity
        self.others = others
    }

    /// The identity of a payload, nil when it is not a payment: an unknown key, or no identity field.
    ///
    /// An unknown key is refused because anyone can add one; an identity field must be a text that is not blank.
    package func identity(of payload: JSONValue, scheme: String, network: Network) -> PaymentIdentity? {
        guard case .object(let members) = payload else { return nil }
        guard members.allSatisfy({ identity.contains($0.key) || others.contains($0.key) }) else { return nil }
        var fields: [(name: String, value: String)] = []
        for name in identity {
            guard let value = payload[name] else { continue }
            guard let text = value.string, text.contains(where: { !$0.isWhitespace }) else { return nil }
            fields.append((name, text))
        }
        guard !fields.isEmpty else { return nil }
        return PaymentIdentity(offchain: network, scheme: scheme, fields: fields)
    }
}

extension PaymentIdentity {
    /// The identity of an offchain payment.
    ///
    /// Keccak-256 over the ASCII text `x402:offchain:`, then scheme, network, and each field's name and value; every text is
    /// its UTF-8 after its byte count as 8 bytes big-endian. Never to be changed: ledgers on disk hold it.
    package init(offchain network: Network, scheme: String, fields: [(name: String, value: String)]) {
        var message = Array("x402:offchain:".utf8)
        func append(_ text: String) {
            withUnsafeBytes(of: UInt64(text.utf8.count).bigEndian) { message.append(contentsOf: $0) }
            message.append(contentsOf: text.utf8)
        }
        append(scheme)
        append(network.name)
        for field in fields {
            append(field.name)
            append(field.value)
        }
        self.init(key: Keccak256.hash(message))
    }
}
