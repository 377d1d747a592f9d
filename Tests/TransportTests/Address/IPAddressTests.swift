import NIOCore
import Testing

@testable import Transport

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "are read in every form, and written in one",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("192.0.2.10", "192.0.2.10"),
            ("::", "::"), ("::1", "::1"), ("2001:DB8::1", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("1::", "1::"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("fe80::1:0:0:0", "fe80::1:0:0:0"),
        ])
    func forms(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(
        "nothing else is one",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "1.2.3.",
            ".1.2.3.4",
            "0x1.2.3.4", "1.2.3.4:80", "[::1]", "::1%eth0", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
            "::12345",
            "::g", "1:2:3:4:5:6:7:8::", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
            "0000:0000:0000:0000:0000:0000:0000:0000:0000:0",
        ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "are read from sockets, IPv4 on a socket for both families as IPv4",
        arguments: [
            ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7"),
        ])
    func sockets(text: String, expected: String) throws {
        let socket = try SocketAddress(ipAddress: text, port: 5)
        #expect(IPAddress(socket)?.description == expected)
    }

    @Test("a unix socket has none")
    func unixSocket() throws {
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/a")) == nil)
        let peer = DownstreamPeer(
            remoteAddress: nil, localAddress: try SocketAddress(unixDomainSocketPath: "/a"))
        #expect(peer.isLocalSocket && TrustedPeers(unixSockets: true).contains(peer) && !TrustedPeers().contains(peer))
    }

    @Test("an IPv6 client goes by its network, an IPv4 client by itself")
    func network() throws {
        let v6 = try #require(IPAddress("2001:db8:1:2:3:4:5:6"))
        #expect(v6.network(ipv6Prefix: 64).description == "2001:db8:1:2::")
        #expect(v6.network(ipv6Prefix: 48).description == "2001:db8:1::")
        #expect(v6.network(ipv6Prefix: 128) == v6)
        let v4 = try #require(IPAddress("192.0.2.7"))
        #expect(v4.network(ipv6Prefix: 48) == v4)
    }
}

@Suite("Sets of address blocks")
struct CIDRSetTests {
    @Test("a block is an address and a prefix without bits behind it")
    func blocks() throws {
        #expect(throws: CIDRBlock.Mistake.hostBits(suggestion: "10.0.0.0/8")) { try CIDRBlock("10.0.0.1/8") }
        #expect(throws: CIDRBlock.Mistake.hostBits(suggestion: "2001:db8::/32")) { try CIDRBlock("2001:db8::1/32") }
        for text in [
            "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10/8", "::/129", "x", "10.0.0.0/8/8",
        ] {
            #expect(throws: CIDRBlock.Mistake.notABlock) { try CIDRBlock(text) }
        }
    }

    @Test(
        "holds what is inside one of its blocks, to the last bit",
        arguments: [
            ("10.0.0.0", true), ("10.255.255.255", true), ("9.255.255.255", false), ("11.0.0.0", false),
            ("192.0.2.7", true), ("192.0.2.8", false), ("2001:db8:ffff::", true), ("2001:db9::", false), ("::1", true),
            ("::2", false), ("::ffff:10.1.2.3", true), ("172.16.0.0", true), ("172.31.255.255", true),
            ("172.32.0.0", false),
        ])
    func contains(text: String, isInside: Bool) throws {
        let set = CIDRSet(
            try ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::1", "172.16.0.0/12"].map {
                try CIDRBlock($0)
            })
        #expect(set.contains(try #require(IPAddress(text))) == isInside)
    }

    @Test("an empty set holds nobody, a whole family everybody of it")
    func extremes() throws {
        let any = try #require(IPAddress("203.0.113.9"))
        #expect(!CIDRSet().contains(any))
        #expect(CIDRSet([try CIDRBlock("0.0.0.0/0")]).contains(any))
        #expect(!CIDRSet([try CIDRBlock("0.0.0.0/0")]).contains(try #require(IPAddress("2001:db8::1"))))
    }
}
