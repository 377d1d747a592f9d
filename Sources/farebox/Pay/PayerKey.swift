import EVM

/// The payer's key, which comes from the environment and from nowhere else.
enum PayerKey {
    static let standardVariable = "FAREBOX_PAYER_KEY"

    /// Why there is no key; never with what the variable holds.
    enum Missing: Error, Hashable {
        case unset(variable: String)
        case malformed(variable: String)

        var reason: String {
            switch self {
            case .unset(let variable):
                "the environment variable \(variable) is not set; it holds the payer's private key, 64 hex digits"
            case .malformed(let variable):
                "the environment variable \(variable) holds no private key (64 hex digits, with or without 0x)"
            }
        }
    }

    static func read(_ variable: String, environment: [String: String]) throws(Missing) -> PrivateKey {
        guard let text = environment[variable], !text.isEmpty else { throw .unset(variable: variable) }
        guard let key = PrivateKey(hex: text) else { throw .malformed(variable: variable) }
        return key
    }
}
