import EVM
import Primitives
import X402

/// A value of a node's answer, read strictly: it has its type and its form, or the answer is not believed.
struct ChainValue {
    private let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    /// Whether the node knows of no such thing.
    var isNull: Bool { json == .null }

    /// Itself, or nil when it is null.
    var orNil: ChainValue? { isNull ? nil : self }

    /// An integer in hexadecimal digits without leading zeros (Ethereum JSON-RPC, "Quantity").
    func quantity() throws(ChainError) -> UInt256 {
        guard case .string(let text) = json, let value = UInt256(quantity: text) else {
            throw .malformed("a quantity is not one")
        }
        return value
    }

    /// An integer below 2^64.
    func number() throws(ChainError) -> UInt64 {
        guard let value = try quantity().uint64 else { throw .malformed("a quantity is out of range") }
        return value
    }

    /// Seconds since 1970.
    func time() throws(ChainError) -> UnixTime {
        guard let seconds = Int64(exactly: try number()) else { throw .malformed("a quantity is out of range") }
        return UnixTime(seconds)
    }

    /// An even number of hexadecimal digits behind `0x`.
    func data() throws(ChainError) -> [UInt8] {
        guard case .string(let text) = json, text.hasPrefix("0x"), let bytes = Hex.decode(text) else {
            throw .malformed("data is not in hexadecimal digits")
        }
        return bytes
    }

    func hash() throws(ChainError) -> Bytes32 {
        guard case .string(let text) = json, let hash = Bytes32(hex: text) else {
            throw .malformed("a hash is not one")
        }
        return hash
    }

    func address() throws(ChainError) -> Address {
        guard case .string(let text) = json, let address = Address(text) else {
            throw .malformed("an address is not one")
        }
        return address
    }

    func bool() throws(ChainError) -> Bool {
        guard case .bool(let value) = json else { throw .malformed("a truth value is not one") }
        return value
    }

    func elements() throws(ChainError) -> [ChainValue] {
        guard case .array(let elements) = json else { throw .malformed("a list is not one") }
        return elements.map { ChainValue($0) }
    }

    /// A member that must be there.
    func member(_ key: String) throws(ChainError) -> ChainValue {
        guard let value = try optional(key) else { throw .malformed("a member is missing") }
        return value
    }

    /// A member of an object; missing and null are the same.
    func optional(_ key: String) throws(ChainError) -> ChainValue? {
        guard case .object = json else { throw .malformed("an object is not one") }
        return json[key].flatMap { ChainValue($0).orNil }
    }
}

extension UInt256 {
    /// Reads `^0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})$`; nil for any other text.
    init?(quantity text: String) {
        let digits = text.utf8.dropFirst(2)
        guard text.hasPrefix("0x"), (1...64).contains(digits.count) else { return nil }
        guard digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        let padded = String(repeating: "0", count: 64 - digits.count) + text.dropFirst(2)
        guard let bytes = Hex.decode(padded), bytes.count == 32 else { return nil }
        self = bytes.withUnsafeBytes { UInt256(bigEndian: $0) }
    }

    /// `0x` and hexadecimal digits without leading zeros.
    var quantity: String {
        let digits = Hex.encode(bigEndianBytes, prefix: false).drop { $0 == "0" }
        return digits.isEmpty ? "0x0" : "0x" + digits
    }
}
