import Testing

@testable import Pricing

@Suite("The host of a request")
struct CanonicalHostTests {
    static let valid: [(raw: String, name: String, port: UInt16?, forwarded: String)] = [
        ("shop.example", "shop.example", nil, "shop.example"),
        ("SHOP.Example", "SHOP.Example", nil, "shop.example"),
        ("shop.example.", "shop.example", nil, "shop.example"),
        ("shop.example:8402", "shop.example", 8402, "shop.example:8402"),
        ("shop.example.:80", "shop.example", 80, "shop.example:80"),
        ("localhost", "localhost", nil, "localhost"), ("127.0.0.1:1", "127.0.0.1", 1, "127.0.0.1:1"),
        ("[::1]", "[::1]", nil, "[::1]"), ("[::1]:65535", "[::1]", 65535, "[::1]:65535"),
        ("[2001:DB8::A]", "[2001:DB8::A]", nil, "[2001:db8::a]"), ("a_b-c.d", "a_b-c.d", nil, "a_b-c.d"),
    ]

    @Test("reads names, addresses and ports", arguments: valid)
    func readsHost(_ line: (raw: String, name: String, port: UInt16?, forwarded: String)) throws {
        try Array(line.raw.utf8).withUnsafeBytes { raw in
            let host = try #require(CanonicalHost(raw))
            #expect(String(decoding: raw[host.name], as: UTF8.self) == line.name)
            #expect(host.port == line.port)
            #expect(String(decoding: host.forwarded(from: raw), as: UTF8.self) == line.forwarded)
            #expect(!host.isCanonical || line.raw == line.forwarded)
        }
    }

    @Test(
        "refuses what is no host",
        arguments: [
            "", ".", "..", "a..b", ".a", "a b", "a/b", "a@b", "user@a", "a:", "a:x", "a:0", "a:65536", "a:123456",
            "a:80:80",
            "a%41", "é", "[", "[]", "[::1", "[::1]x", "[::g]", "[fe80::1%25eth0]", ":80", "a,b", "a\\b", "a?b", "a#b",
            "a..",
            "*", "a:+1", "a: 1", "a:080",
        ])
    func refusesHost(_ raw: String) {
        let host = Array(raw.utf8).withUnsafeBytes { CanonicalHost($0) }
        #expect(host == nil)
    }

    @Test("is bounded in length")
    func length() {
        let long = Array(String(repeating: "a", count: 513).utf8)
        #expect(long.withUnsafeBytes { CanonicalHost($0) } == nil)
        #expect(long.dropLast().withUnsafeBytes { CanonicalHost($0) } != nil)
    }
}
