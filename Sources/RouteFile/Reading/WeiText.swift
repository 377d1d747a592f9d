import Primitives

/// Amounts of a chain's own coin as the file writes them: a number and `wei`, `gwei` or `ether`.
enum WeiText {
    private static let units: [(String, Int)] = [("gwei", 9), ("ether", 18), ("wei", 0)]

    static func read(_ text: String) -> Reading<UInt256> {
        let advice = "is not an amount such as \"50gwei\" or \"0.05ether\""
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let decimals = units.first(where: { $0.0 == text.dropFirst(digits.count) })?.1 else {
            return .mistake(advice)
        }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= 2, !whole.isEmpty else { return .mistake(advice) }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard parts.count == 1 || !fraction.isEmpty, fraction.count <= decimals else { return .mistake(advice) }
        let padded = whole + fraction + String(repeating: "0", count: decimals - fraction.count)
        let significant = padded.drop { $0 == "0" }
        guard !significant.isEmpty else { return .mistake("must be more than zero") }
        guard let value = Array(significant.utf8).withUnsafeBytes({ UInt256(decimal: $0) }) else {
            return .mistake("is too large")
        }
        return .value(value)
    }
}

extension ValueKind {
    /// `"50gwei"`, `"0.05ether"`.
    static func wei(_ node: DocumentNode) -> Reading<UInt256> {
        guard case .string(let text) = node.value else {
            return .mistake("must be an amount such as \"50gwei\", not \(node.kind)")
        }
        return WeiText.read(text)
    }

    /// A contract's or a signer's address.
    static func contract(_ node: DocumentNode) -> Reading<Address> {
        guard case .string(let text) = node.value else { return .mistake("must be an address, not \(node.kind)") }
        return address(text)
    }
}
