import ArgumentParser
import X402

/// Tables for people, JSON for programs.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON. This is the default when the output is not a terminal.")
    var json = false

    var isJSON: Bool { json || !OutputStream.standard.isTerminal }
}

extension JSONValue {
    /// One line, ASCII.
    var line: String { String(decoding: encoded(), as: UTF8.self) }

    /// An object of the members that are there.
    static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(members.compactMap { pair in pair.value.map { JSONMember(pair.key, $0) } })
    }

    static func text(_ text: String?) -> JSONValue? { text.map(JSONValue.string) }

    static func integer(_ number: some BinaryInteger) -> JSONValue { .number("\(number)") }
}
