import NIOCore
import Testing

@testable import Transport

/// A request's fields, and who its client is taken for.
struct IdentityCase: Sendable, CustomTestStringConvertible {
    var fields: String
    var address: String
    var hops: [String] = []
    var isProof: Bool
    var isMalformed = false

    var testDescription: String { fields }

    init(
        _ fields: String, _ address: String, hops: [String] = [], proof: Bool = false, malformed: Bool = false
    ) {
        (self.fields, self.address, self.hops, isProof, isMalformed) = (fields, address, hops, proof, malformed)
    }
}

@Suite("Who the client is")
struct ClientIdentityTests {
    static let peer = "10.0.0.1"

    static func identify(
        _ fields: String, peer: String = peer, form: ForwardedForm = .x
    ) throws -> (identity: ClientIdentity, head: RequestHead) {
        var input = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
        var head = RequestHead()
        var parser = RequestHeadParser()
        try #require(parser.parse(&input, into: &head) == .complete)
        let blocks = CIDRSet(try ["10.0.0.0/8", "2001:db8:ffff::/48"].map { try CIDRBlock($0) })
        let trust = ProxyTrust(peers: TrustedPeers(blocks: blocks), form: form)
        let socket = DownstreamPeer(remoteAddress: try SocketAddress(ipAddress: peer, port: 1))
        return (trust.identify(head, peer: socket), head)
    }

    private func check(_ row: IdentityCase, form: ForwardedForm) throws {
        let (identity, _) = try Self.identify(row.fields, form: form)
        #expect(identity.address?.description == row.address)
        #expect(identity.hops.map(\.description) == row.hops)
        #expect(identity.isProof == row.isProof)
        #expect((identity.remark != nil) == row.isMalformed)
    }

    @Test(
        "X-Forwarded-For: the last address that no proxy of ours has",
        arguments: [
            IdentityCase("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7", proof: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7", proof: true),
            IdentityCase("X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7", proof: true),
            IdentityCase("X-Forwarded-For: [2001:db8::7]:4711\r\n", "2001:db8::7", proof: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7, 10.0.0.2\r\n", "192.0.2.7", hops: ["10.0.0.2"], proof: true),
            IdentityCase(
                "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.0.0.3,10.0.0.2\r\n", "192.0.2.7",
                hops: ["10.0.0.3", "10.0.0.2"], proof: true),
            // What the client says itself is not believed, and shows that the address is a proxy's.
            IdentityCase("X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\n", "192.0.2.7"),
            IdentityCase("X-Forwarded-For: 10.0.0.9, 192.0.2.7\r\n", "192.0.2.7"),
            IdentityCase("X-Forwarded-For: garbage, 192.0.2.7, 10.0.0.2\r\n", "192.0.2.7", hops: ["10.0.0.2"]),
            IdentityCase("X-Forwarded-For: garbage\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
            IdentityCase("Via: 1.1 a, 1.1 b\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
            IdentityCase("Via: 1.1 a\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7", proof: true),
            // All of ours: the farthest made the request.
            IdentityCase("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3", hops: ["10.0.0.2"], proof: true),
            // Nothing is told, or nothing that helps.
            IdentityCase("", peer),
            IdentityCase("Forwarded: for=192.0.2.7\r\n", peer),
            IdentityCase("X-Real-IP: 192.0.2.7\r\n", peer),
            IdentityCase("X-Forwarded-For: unknown\r\n", peer),
            IdentityCase("X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.2\r\n", "10.0.0.2"),
            IdentityCase("X-Forwarded-For: \r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7,\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7, , 10.0.0.2\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.256\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7:\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7:123456\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7 10.0.0.2\r\n", peer, malformed: true),
        ])
    func forwardedFor(row: IdentityCase) throws { try check(row, form: .x) }

    @Test(
        "Forwarded: the same, by RFC 7239",
        arguments: [
            IdentityCase("Forwarded: for=192.0.2.7\r\n", "192.0.2.7", proof: true),
            IdentityCase("Forwarded: For=192.0.2.7;Proto=https; By=203.0.113.43\r\n", "192.0.2.7", proof: true),
            IdentityCase("Forwarded: for=\"192.0.2.7:4711\"\r\n", "192.0.2.7", proof: true),
            IdentityCase("Forwarded: for=\"[2001:db8::7]:4711\"\r\n", "2001:db8::7", proof: true),
            IdentityCase("Forwarded: for=\"[2001:db8::7]:_p\"\r\n", "2001:db8::7", proof: true),
            IdentityCase("Forwarded: for=192.0.2.7, for=10.0.0.2\r\n", "192.0.2.7", hops: ["10.0.0.2"], proof: true),
            IdentityCase(
                "Forwarded: for=192.0.2.7\r\nForwarded: for=10.0.0.2\r\n", "192.0.2.7", hops: ["10.0.0.2"], proof: true),
            IdentityCase("Forwarded: for=1.1.1.1, for=192.0.2.7\r\n", "192.0.2.7"),
            IdentityCase("Forwarded: for=\"1.1.1.1, for=9.9.9.9\", for=192.0.2.7\r\n", peer, malformed: true),
            IdentityCase("X-Forwarded-For: 192.0.2.7\r\n", peer),
            IdentityCase("Forwarded: for=_hidden\r\n", peer),
            IdentityCase("Forwarded: for=unknown, for=10.0.0.2\r\n", "10.0.0.2"),
            IdentityCase("Forwarded: proto=https\r\n", peer),
            IdentityCase("Forwarded: for=2001:db8::7\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=\"2001:db8::7\"\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=\"192.0.2.7\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=\"192.0.2\\.7\"\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=192.0.2.7;for=192.0.2.8\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for = 192.0.2.7\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=192.0.2.7;\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=192.0.2.7 for=10.0.0.2\r\n", peer, malformed: true),
            IdentityCase("Forwarded: 192.0.2.7\r\n", peer, malformed: true),
            IdentityCase("Forwarded: for=\r\n", peer, malformed: true),
            IdentityCase("Forwarded:\r\n", peer, malformed: true),
        ])
    func forwarded(row: IdentityCase) throws { try check(row, form: .rfc7239) }

    @Test(
        "whoever is not trusted says nothing about itself, and proves nothing by saying it",
        arguments: [
            "X-Forwarded-For: 1.1.1.1\r\n", "Forwarded: for=1.1.1.1\r\n", "Via: 1.1 a\r\n", "X-Real-IP: 1.1.1.1\r\n",
        ])
    func untrusted(fields: String) throws {
        for form in ForwardedForm.allCases {
            let (identity, _) = try Self.identify(
                fields + "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n", peer: "192.0.2.7", form: form)
            #expect(identity.address?.description == "192.0.2.7")
            #expect(!identity.isProof && !identity.isSecure && identity.host == nil && identity.relay == .none)
        }
        let (plain, _) = try Self.identify("", peer: "192.0.2.7")
        #expect(plain.isProof)
    }

    @Test(
        "protocol and host are those of the proxy that the client reached",
        arguments: [
            (
                "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n",
                ForwardedForm.x
            ),
            ("X-Forwarded-Proto: http, HTTPS\r\nX-Forwarded-Host: evil, a.example\r\n", .x),
            ("Forwarded: for=192.0.2.7;proto=https;host=a.example, for=10.0.0.2;proto=http;host=inner\r\n", .rfc7239),
            ("Forwarded: for=1.1.1.1;proto=http;host=evil,for=192.0.2.7;proto=https;host=\"a.example\"\r\n", .rfc7239),
        ])
    func origin(fields: String, form: ForwardedForm) throws {
        let (identity, head) = try Self.identify(fields, form: form)
        #expect(identity.isSecure && identity.isOriginTold)
        #expect(identity.host.map { head.string($0) } == "a.example")
    }

    @Test(
        "whatever stands in the fields: no client names itself, and only trusted proxies stand behind it",
        arguments: 0..<4)
    func random(run: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(seed: seed)
        let pieces = [
            "192.0.2.7", "10.0.0.2", "2001:db8:ffff::1", "[2001:db8::7]", "6.6.6.6", ",", ", ", " ", ";", "for=", "\"",
            "\\",
            "unknown", "_a", ":80", "proto=https", "host=a", "by=", "=", "x", "[", "]", "\t",
        ]
        let ours = try #require(IPAddress("10.0.0.1"))
        for _ in 0..<5000 {
            let value = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            let form: ForwardedForm = Bool.random(using: &random) ? .x : .rfc7239
            let name = form == .x ? "X-Forwarded-For" : "Forwarded"
            // The last word is the proxy's; an open quote in front of it swallows it, and then nothing is believed.
            let word = form == .x ? "198.51.100.1" : "for=198.51.100.1"
            let (identity, _) = try Self.identify("\(name): \(value),\(word)\r\n", form: form)
            let told = identity.address?.description == "198.51.100.1"
            let isPeer = identity.address == ours && identity.relay == .none
            #expect(told || isPeer, "seed \(seed): \(value)")
            #expect(identity.hops.isEmpty && !identity.isProof, "seed \(seed): \(value)")
            if !(told || isPeer) { return }
        }
    }

    @Test("a long list is refused, not walked")
    func long() throws {
        let list = Array(repeating: "for=192.0.2.7", count: 33).joined(separator: ",")
        let (identity, _) = try Self.identify("Forwarded: \(list)\r\n", form: .rfc7239)
        #expect(identity.address?.description == Self.peer && identity.remark != nil)
    }

    @Test("a proxy on a unix socket is believed where the file says so")
    func unixSocket() throws {
        var input = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
        var head = RequestHead()
        var parser = RequestHeadParser()
        try #require(parser.parse(&input, into: &head) == .complete)
        let peer = DownstreamPeer(
            remoteAddress: nil, localAddress: try SocketAddress(unixDomainSocketPath: "/run/farebox.sock"))
        let identity = ProxyTrust(peers: TrustedPeers(unixSockets: true)).identify(head, peer: peer)
        #expect(identity.address?.description == "192.0.2.7" && identity.relay == .unixSocket)
    }
}
