import X402

/// Typed reading of a peer's answer: a field has its type, or the whole answer is not believed.
struct AnswerFields {
    private let object: JSONValue

    /// The most bytes of a payer's or a transaction's name.
    static let maxTextBytes = 256

    /// The answer is not what it must be.
    struct Unreadable: Error {}

    /// Reads a body that must be one JSON object without duplicate keys.
    init(_ body: [UInt8]) throws(Unreadable) {
        guard let value = try? JSONValue.parse(body), case .object = value else { throw Unreadable() }
        object = value
    }

    /// A field that must be there and be true or false.
    func flag(_ key: String) throws(Unreadable) -> Bool {
        guard case .bool(let value) = object[key] else { throw Unreadable() }
        return value
    }

    /// A short printable text; missing, null and empty all mean none.
    func text(_ key: String) throws(Unreadable) -> String? {
        switch object[key] {
        case nil, .null: return nil
        case .string(let text):
            guard Self.isPlain(text) else { throw Unreadable() }
            return text.isEmpty ? nil : text
        default: throw Unreadable()
        }
    }

    /// Whether a text from a peer may stand in the ledger and in an answer of ours.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= maxTextBytes && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

extension ReasonCode {
    /// A peer's reason if it has the form of a code, else the one given: free text never goes out as a code.
    init(peer text: String?, else fallback: ReasonCode) {
        guard let text, (1...64).contains(text.utf8.count), text.utf8.allSatisfy(Self.isCodeByte) else {
            self = fallback
            return
        }
        self.init(rawValue: text)
    }

    private static func isCodeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
