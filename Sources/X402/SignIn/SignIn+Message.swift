package import Primitives

extension SignIn {
    /// The text that was signed (EIP-4361), nil for what it cannot say: another namespace, a line break in a field.
    package var message: String? {
        guard chainID.hasPrefix("eip155:") else { return nil }
        let fields = [
            domain, address, statement, uri, version, chainID, nonce, issuedAt, expirationTime, notBefore, requestID,
        ]
        let isPlain = (fields.compactMap { $0 } + resources).allSatisfy { text in
            text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        guard isPlain else { return nil }
        var lines = ["\(domain) wants you to sign in with your Ethereum account:", address, ""]
        if let statement { lines.append(statement) }
        lines += [
            "", "URI: \(uri)", "Version: \(version)", "Chain ID: \(chainID.dropFirst(7))", "Nonce: \(nonce)",
            "Issued At: \(issuedAt)",
        ]
        if let expirationTime { lines.append("Expiration Time: \(expirationTime)") }
        if let notBefore { lines.append("Not Before: \(notBefore)") }
        if let requestID { lines.append("Request ID: \(requestID)") }
        if !resources.isEmpty { lines.append("Resources:") }
        lines += resources.map { "- \($0)" }
        return lines.joined(separator: "\n")
    }

    /// The digest that a wallet signs: EIP-191, version 0x45.
    package var digest: Bytes32? {
        message.map { text in
            Keccak256.hash([UInt8]("\u{19}Ethereum Signed Message:\n\(text.utf8.count)".utf8) + [UInt8](text.utf8))
        }
    }

    /// The 65 bytes of the signature, nil for another length: contracts are not asked.
    package var signatureBytes: [UInt8]? {
        guard signature.hasPrefix("0x"), let bytes = Hex.decode(signature), bytes.count == 65 else { return nil }
        return bytes
    }
}
