import Testing

@testable import Transport

@Suite("Outgoing URLs")
struct OutgoingURLTests {
    struct Reading: Sendable, CustomTestStringConvertible {
        let text: String
        let host: String
        let port: Int
        let target: String
        let authority: String
        var isIPLiteral = false
        var testDescription: String { text }
    }

    @Test(
        "A URL is read into its parts",
        arguments: [
            Reading(text: "https://x402.org", host: "x402.org", port: 443, target: "/", authority: "x402.org"),
            Reading(
                text: "HTTPS://X402.Org/Facilitator/verify?a=%2F&b", host: "x402.org", port: 443,
                target: "/Facilitator/verify?a=%2F&b", authority: "x402.org"),
            Reading(text: "http://a.b:8545?k=1", host: "a.b", port: 8545, target: "/?k=1", authority: "a.b:8545"),
            Reading(text: "http://a.b:80/", host: "a.b", port: 80, target: "/", authority: "a.b"),
            Reading(text: "http://a_b:443", host: "a_b", port: 443, target: "/", authority: "a_b:443"),
            Reading(
                text: "http://127.0.0.1:1/", host: "127.0.0.1", port: 1, target: "/", authority: "127.0.0.1:1",
                isIPLiteral: true),
            Reading(
                text: "https://[2001:DB8::1]:8443/x", host: "2001:db8::1", port: 8443, target: "/x",
                authority: "[2001:db8::1]:8443", isIPLiteral: true),
            Reading(
                text: "https://[::1]", host: "::1", port: 443, target: "/", authority: "[::1]", isIPLiteral: true),
        ])
    func reads(_ reading: Reading) throws {
        let url = try #require(OutgoingURL(reading.text))
        #expect(url.host == reading.host)
        #expect(url.port == reading.port)
        #expect(url.target == reading.target)
        #expect(url.authority == reading.authority)
        #expect(url.isIPLiteral == reading.isIPLiteral)
        #expect(url.scheme == (reading.text.lowercased().hasPrefix("https") ? .https : .http))
    }

    @Test(
        "What two readers could understand differently is no URL",
        arguments: [
            "", "x402.org", "ftp://a", "http:/a", "http://", "http:///path", "http://:80", "http://a:", "http://a:0",
            "http://a:65536", "http://a:+80", "http://a:80:80", "http://user@a", "http://user:pw@a/", "http://a#f",
            "http://a/#f", "http://a/ b", "http://a/\r\nx: y", "http://a/\u{0}", "http://a/ü", "http://ü/",
            "http://a/%",
            "http://a/%4", "http://a/%zz", "http://a/\"", "http://a/<", "http://a/\\", "http://a\\b", "http://a..b",
            "http://.a", "http://a.", "http://-a", "http://a-", "http://a b", "http://a%62", "http://127.1",
            "http://2130706433", "http://0x7f000001", "http://0x7f.1", "http://1.2.3.256", "http://1.2.3.04",
            "http://[::1", "http://[127.0.0.1]", "http://::1", "http://[fe80::1%25eth0]", "http://[::1]x", "\thttp://a",
            "http://a\t", "http://" + String(repeating: "a", count: 64),
            "http://a/" + String(repeating: "x", count: 8192),
        ])
    func refuses(_ text: String) {
        #expect(OutgoingURL(text) == nil)
    }

    @Test(
        "A path is appended with one slash",
        arguments: [
            ("https://a", "verify", "/verify"), ("https://a/", "/verify", "/verify"),
            ("https://a/f", "verify", "/f/verify"), ("https://a/f/", "/verify", "/f/verify"),
        ])
    func appends(_ base: String, _ path: String, _ target: String) throws {
        let url = try #require(OutgoingURL(base))
        #expect(url.appending(path: path)?.target == target)
        #expect(url.appending(path: path)?.host == "a")
    }

    @Test("No path is appended behind a query, and none that is not a path")
    func refusesToAppend() {
        #expect(OutgoingURL("https://a/f?key=1")?.appending(path: "verify") == nil)
        #expect(OutgoingURL("https://a/f")?.appending(path: "verify\r\nx: y") == nil)
    }

    @Test("The description holds no path and no query")
    func describesWithoutSecrets() {
        #expect(OutgoingURL("https://node.example/v3/SECRET?key=SECRET").map { "\($0)" } == "https://node.example")
    }
}
