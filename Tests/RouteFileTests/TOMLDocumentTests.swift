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
        "what looks like a header inside a value is none",
        arguments: ["a = \"\"\"\n[$x]\n\"\"\"", "a = '''\n[=]\n'''", "a = [\n[\"x\"],\n[\"y\"]\n]", "# [$x]"])
    func values(text: String) {
        let log = MistakeLog(file: "f.toml")
        #expect(TOMLDocument.parse(text, log: log) != nil)
        #expect(log.mistakes.isEmpty)
    }
}
