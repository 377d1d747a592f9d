import NIOCore
import Testing

@testable import Transport

@Suite("Known field names")
struct KnownFieldTests {
    /// Parses a head with one field of this name and returns what it is known as.
    private func known(_ name: String) -> KnownField? {
        var input = ByteBuffer(string: "GET / HTTP/1.0\r\n\(name):\r\n\r\n")
        var parser = ResponseLikeParser()
        return parser.known(&input)
    }

    @Test("every name is found in any case", arguments: KnownField.names.indices)
    func found(_ index: Int) {
        let (text, field) = KnownField.names[index]
        let name = String(describing: text)
        #expect(known(name) == field)
        #expect(known(name.uppercased()) == field)
    }

    @Test("a name that differs in one byte is another name", arguments: KnownField.names.indices)
    func near(_ index: Int) {
        let name = Array(String(describing: KnownField.names[index].0).utf8)
        let all = Set(KnownField.names.map { String(describing: $0.0) })
        for position in name.indices {
            var changed = name
            changed[position] = changed[position] == UInt8(ascii: "-") ? UInt8(ascii: "_") : UInt8(ascii: "#")
            let text = String(decoding: changed, as: UTF8.self)
            let isImitation = KnownField.names[index].1.isWorthImitating && text.contains("_")
            #expect(known(text) == (isImitation ? .imitation : .other), "\(text)")
            let shorter = String(decoding: name.prefix(position) + name.dropFirst(position + 1), as: UTF8.self)
            if !all.contains(shorter), !shorter.isEmpty { #expect(known(shorter) == .other, "\(shorter)") }
        }
        #expect(known(String(decoding: name + [0x78], as: UTF8.self)) == .other)
    }

    @Test(
        "our own namespace goes by its prefix",
        arguments: [
            ("x-farebox-payer", true), ("X-FAREBOX-", true), ("X-Farebox", false), ("x-fareboxer", false),
            ("y-farebox-payer", false), ("x-farebox_payer", false), ("X_Farebox_Payer", false),
            ("x-farebox-a-name-that-is-longer-than-any-name-in-the-table", true),
        ])
    func namespace(_ name: String, _ isOurs: Bool) {
        #expect((known(name) == .xFarebox) == isOurs)
    }

    @Test(
        "a name that only we may write is known with underscores too, and no other is",
        arguments: [
            ("X_Farebox_Payer", true), ("x-farebox_payer", true),
            ("X_FAREBOX-A_NAME_THAT_IS_LONGER_THAN_ANY_IN_THE_TABLE", true),
            ("X_Forwarded_For", true), ("x-forwarded_proto", true), ("X_Real_IP", true), ("PAYMENT_SIGNATURE", true),
            ("X_HTTP_Method_Override", true), ("X_Original_URL", true), ("Content_Length", false),
            ("Transfer_Encoding", false), ("Host_", false), ("_", false), ("x_farebox", false), ("User_Agent", false),
            ("X_Farebo_x", false),
        ])
    func imitations(_ name: String, _ isOne: Bool) {
        #expect(known(name) == (isOne ? .imitation : .other))
    }

    @Test("the set of present fields fits its word")
    func fits() {
        #expect(KnownField.allCases.count <= 64)
    }
}

/// Reads the kind of the first field and ignores what the framing rules say of it.
private struct ResponseLikeParser {
    mutating func known(_ input: inout ByteBuffer) -> KnownField? {
        input.withUnsafeReadableBytes { raw in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return nil }
            var scanner = FieldScanner(tables: HeadTables.shared)
            scanner.start(at: 16)
            guard case .field(let span) = scanner.line(base, raw.count) else { return nil }
            return span.known
        }
    }
}
