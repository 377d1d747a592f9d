import Testing
import Transport
import X402

@testable import Proxy

/// The origin that a 402 advertises.
@Suite("Advertised origin", .timeLimit(.minutes(2)))
struct OriginTests {
    static let ours = "https://api.example.com/x"

    @Test(
        "is the client's where a trusted proxy tells it and the file names the host, else the file's",
        arguments: [
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: Shop.Example\r\n", "https://shop.example/x"),
            ("X-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.example:80\r\n", "http://shop.example/x"),
            ("X-Forwarded-Host: other.example\r\n", "http://other.example/x"),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example:8443\r\n", ours),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n", ours),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example/@evil\r\n", ours),
            ("X-Forwarded-Proto: https\r\n", ours), ("", ours),
        ])
    func told(fields: String, resource: String) async throws {
        var route = TestRoute(match: "/x")
        route.advertisedHosts = ["shop.example", "other.example"]
        var settings = RigSettings()
        settings.trust = ProxyTrust(peers: TrustedPeers(blocks: CIDRSet([try CIDRBlock("127.0.0.1")])))
        try await withPaywall([route], settings: settings) { rig in
            let answer = try await rig.ask("GET /x", fields)
            #expect(answer.status == 402 && answer.text.contains("\"\(resource)\""), "\(answer.text)")
        }
    }

    @Test(
        "a client that nobody trusts does not choose it, nor does one where the file names it",
        arguments: [true, false])
    func untrusted(isTrusted: Bool) async throws {
        var route = TestRoute(match: "/x")
        if !isTrusted { route.advertisedHosts = ["shop.example"] }
        var settings = RigSettings()
        if isTrusted { settings.trust = ProxyTrust(peers: TrustedPeers(blocks: CIDRSet([try CIDRBlock("127.0.0.1")]))) }
        try await withPaywall([route], settings: settings) { rig in
            let answer = try await rig.ask("GET /x", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n")
            #expect(answer.text.contains("\"\(Self.ours)\""))
        }
    }
}
