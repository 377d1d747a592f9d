import Ledger
import Pricing
import Primitives
import Proxy
import Transport
import X402

/// How values are read: each turns a node into a value or a reason.
enum ValueKind {
    static func text(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        return .value(text)
    }

    static func name(_ node: DocumentNode) -> Reading<String> {
        switch text(node) {
        case .value(let text) where text.isEmpty: .mistake("is empty")
        case .value(let text) where !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }):
            .mistake("has a space or a character beyond ASCII")
        case let reading: reading
        }
    }

    static func bool(_ node: DocumentNode) -> Reading<Bool> {
        guard case .bool(let value) = node.value else { return .mistake("must be true or false, not \(node.kind)") }
        return .value(value)
    }

    static func integer(_ range: ClosedRange<Int>) -> (DocumentNode) -> Reading<Int> {
        { node in
            guard case .integer(let value) = node.value else { return .mistake("must be an integer, not \(node.kind)") }
            guard range.contains(value) else {
                return .mistake("must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
            return .value(value)
        }
    }

    /// One of a few words.
    static func word<Value>(_ words: [(String, Value)]) -> (DocumentNode) -> Reading<Value> {
        { node in
            guard case .value(let text) = text(node) else {
                return .mistake("must be a string, not \(node.kind)")
            }
            if let match = words.first(where: { $0.0 == text }) { return .value(match.1) }
            let names = words.map { "\"\($0.0)\"" }.joined(separator: ", ")
            return .mistake("must be one of \(names)", suggestion: NearestName.of(text, among: words.map(\.0)))
        }
    }

    static func duration(_ node: DocumentNode) -> Reading<Duration> {
        if case .integer(let number) = node.value {
            return .mistake("needs a unit: ms, s, m, h or d", suggestion: "\"\(number)s\"")
        }
        guard case .string(let text) = node.value else {
            return .mistake("must be a duration such as \"12s\", not \(node.kind)")
        }
        return DurationText.read(text)
    }

    static func size(_ node: DocumentNode) -> Reading<Int> {
        if case .integer(let number) = node.value {
            return .mistake("needs a unit: B, KiB, MiB or GiB", suggestion: "\"\(number)B\"")
        }
        guard case .string(let text) = node.value else {
            return .mistake("must be a size such as \"64KiB\", not \(node.kind)")
        }
        return SizeText.read(text)
    }

    /// Bytes of an answer that are held back until it is known to be long enough.
    static func chargedSize(_ node: DocumentNode) -> Reading<Int> {
        guard case .value(let bytes) = size(node) else { return size(node) }
        let most = ChargePolicy.maximumLeastBytes
        return bytes <= most ? .value(bytes) : .mistake("must be at most \"\(most / 1024)KiB\": so much is held back")
    }

    static func listenAddress(_ node: DocumentNode) -> Reading<ListenAddress> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard let address = ListenAddress(text) else {
            return .mistake(
                "is not an address: write \"127.0.0.1:8402\", \"[::1]:8402\", \"unix:/path\" or \"fd:NAME\"")
        }
        return .value(address)
    }

    static func network(_ node: DocumentNode) -> Reading<Network> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        if let network = Network(text) { return .value(network) }
        return .mistake("is not a CAIP-2 network such as \"eip155:8453\"", suggestion: Network.named(v1: text)?.name)
    }

    static func networkPattern(_ node: DocumentNode) -> Reading<NetworkPattern> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        if let pattern = NetworkPattern(text) { return .value(pattern) }
        return .mistake(
            "is not a CAIP-2 network such as \"eip155:8453\", or all of a namespace, \"eip155:*\"",
            suggestion: Network.named(v1: text)?.name)
    }

    /// An EVM address; mixed case must be the checksum of EIP-55.
    static func address(_ text: String) -> Reading<Address> {
        guard let address = Address(text) else { return .mistake("is not an address: 0x and 40 hexadecimal digits") }
        guard Address.hasValidChecksum(text) else {
            return .mistake("has a wrong checksum (EIP-55)", suggestion: address.checksummed)
        }
        guard address != .zero else { return .mistake("is the zero address") }
        return .value(address)
    }

    /// Somebody who can be paid: an address, or a name on an offchain rail.
    static func account(_ node: DocumentNode) -> Reading<Account> {
        guard case .value(let text) = name(node) else { return name(node).map(Account.named) }
        return text.lowercased().hasPrefix("0x") ? address(text).map(Account.address) : .value(.named(text))
    }

    static func price(_ node: DocumentNode) -> Reading<Price> {
        switch node.value {
        case .integer, .other: return .mistake("must be a string such as \"$0.001\", not \(node.kind)")
        case .string(let text):
            do {
                return .value(try Price.parse(text))
            } catch {
                return .mistake(error.reason)
            }
        default: return .mistake("must be a string, not \(node.kind)")
        }
    }

    /// `"$0.001"`.
    static func dollars(_ node: DocumentNode) -> Reading<DollarAmount> {
        guard case .string(let text) = node.value, text.hasPrefix("$") else {
            return .mistake("must be an amount of dollars such as \"$0.001\"")
        }
        do {
            return .value(try DollarAmount(text.dropFirst()))
        } catch {
            return .mistake(error.reason)
        }
    }

    static func timing(_ node: DocumentNode) -> Reading<SettlementTiming> {
        word(SettlementTiming.allCases.map { ($0.word, $0) })(node)
    }

    /// `"2xx"`, `"404"` or `404`.
    static func status(_ node: DocumentNode) -> Reading<StatusItem> {
        let text: String
        switch node.value {
        case .string(let string): text = string
        case .integer(let number): text = String(number)
        default: return .mistake("must be a status such as \"2xx\" or \"404\", not \(node.kind)")
        }
        if text.utf8.count == 3, text.hasSuffix("xx"), let digit = Int(text.prefix(1)), (1...5).contains(digit) {
            return .value(.class(digit))
        }
        guard text.utf8.count == 3, let status = Int(text), (100...599).contains(status) else {
            return .mistake("is not a status such as \"2xx\" or \"404\"")
        }
        return .value(.code(status))
    }

    /// The origin of a URL: scheme, host and port, nothing behind.
    static func origin(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard let url = OutgoingURL(text) else { return .mistake("is not an http or https URL") }
        let scheme = url.scheme.rawValue
        let host = url.isIPLiteral && url.host.contains(":") ? "[\(url.host)]" : url.host
        let port = url.port == url.scheme.defaultPort ? "" : ":\(url.port)"
        let origin = "\(scheme)://\(host)\(port)"
        guard text.lowercased() == origin || text.lowercased() == "\(scheme)://\(host):\(url.port)" else {
            return .mistake("must be an origin: scheme, host and port only", suggestion: origin)
        }
        return .value(origin)
    }

    /// The name of a field (RFC 9110 §5.1).
    static func fieldName(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard !text.isEmpty, text.utf8.allSatisfy(isTokenByte) else {
            return .mistake("is not the name of a field such as \"set-cookie\"")
        }
        return .value(text)
    }

    /// Whether a byte may be part of a token (RFC 9110 §5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
    }

    /// A protocol for `Upgrade` (RFC 9110 §7.8) that brings no further requests of HTTP.
    static func upgradeToken(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        let token = text.lowercased()
        let isToken = token.utf8.allSatisfy { isTokenByte($0) || $0 == UInt8(ascii: "/") }
        guard !token.isEmpty, isToken else { return .mistake("is not a protocol such as \"websocket\"") }
        let name = token.prefix { $0 != "/" }
        guard !["h2c", "h2", "http", "tls"].contains(name) else {
            return .mistake("would carry requests past the paywall")
        }
        return .value(token)
    }

    static func url(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard OutgoingURL(text) != nil else { return .mistake("is not an http or https URL") }
        return .value(text)
    }

    static func path(_ node: DocumentNode) -> Reading<String> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return .mistake("is not a path that begins with a slash")
        }
        return .value(text)
    }
}

/// One entry of `charge_on`.
enum StatusItem: Hashable {
    case `class`(Int)
    case code(Int)
}
