import Testing

@testable import RouteFile

/// Texts on which the library ends the process, so that they must be refused before it sees them.
@Suite("Headers without a key")
struct TOMLDocumentTests {
    @Test(
        "a header that does not begin with a key is a mistake with its line",
        arguments: [
            "[$server]", "[=]", "[é]", "[#]", "[.a]", "[\n]", "[,]", "[\u{1}]", "[", "[[", "[[$a]]", "[ ]", "[]",
            "[[ \n a]]", "  [\t%]",
        ])
    func headers(header: String) {
        let log = MistakeLog(file: "f.toml")
        #expect(TOMLDocument.parse("# first\na = 1\n\(header)\n", log: log) == nil)
        #expect(log.mistakes.map(\.line) == [3])
    }

    @Test(
        "a value without quotes that TOML does not have is a mistake with its line",
        arguments: [
            "1979-05-27T!7:32:00Z", "1979-05-27T", "07:3!:00", "12:", "0x", "0b12", "1-", "+", "-x", "é", "\u{1}", "$",
            "[1, 2:]", "{ x = 1:2 }",
        ])
    func scalars(value: String) {
        let log = MistakeLog(file: "f.toml")
        #expect(TOMLDocument.parse("# first\na = \(value)\n", log: log) == nil)
        #expect(log.mistakes.map(\.line) == [2])
    }

    @Test(
        "every kind of plain value is handed on",
        arguments: [
            "1", "-17", "+5", "1_000", "0xdead_beef", "0o755", "0b01", "1.5", "-0.01", "5e+22", "6.626e-34", "1e06",
            "inf",
            "-nan", "true", "false", "1979-05-27", "07:32:00", "1979-05-27T07:32:00", "1979-05-27T07:32:00Z",
            "1979-05-27 07:32:00", "[1, 2, 3]  # end", "{ x = 1, y = true }",
        ])
    func plainValues(value: String) {
        let log = MistakeLog(file: "f.toml")
        #expect(TOMLDocument.parse("a = \(value)\n", log: log) != nil)
        #expect(log.mistakes.isEmpty)
    }

    @Test(
        "what looks like a header inside a value is none",
        arguments: ["a = \"\"\"\n[$x]\n\"\"\"", "a = '''\n[=]\n'''", "a = [\n[\"x\"],\n[\"y\"]\n]", "# [$x]"])
    func values(text: String) {
        let log = MistakeLog(file: "f.toml")
        #expect(TOMLDocument.parse(text, log: log) != nil)
        #expect(log.mistakes.isEmpty)
    }
}
