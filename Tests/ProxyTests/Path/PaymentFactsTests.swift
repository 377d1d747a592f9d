import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// What upstreams are told of payments.
@Suite("Payment facts", .timeLimit(.minutes(2)))
struct PaymentFactsTests {
    private static let names = ["payer", "amount", "asset", "network", "payment"]
    private static let forged =
        "X-Farebox-Payer: forged\r\nx-farebox-signature: forged\r\nX-FAREBOX-Other: forged\r\nConnection: x-farebox-amount\r\n"

    private func expected(_ payment: Payment) throws -> [String] {
        let identity = try #require(PaymentIdentity(of: payment, for: Offers.offer()))
        return [
            Payer().key.address.checksummed, "1000", Offers.asset.address.checksummed, "eip155:84532",
            identity.publicID,
        ]
    }

    @Test("nothing is told by default, and what a client says is stripped on every route", arguments: ["x", "free"])
    func none(name: String) async throws {
        try await withPaywall([TestRoute(match: "/x"), .free("/free")]) { rig in
            #expect(try await rig.ask("GET /\(name)", Payer().pay().line + Self.forged).status == 200)
            let head = try #require(rig.upstream.heads.entries.first).lowercased()
            #expect(!head.contains("farebox") && !head.contains("forged"))
        }
    }

    @Test("plain: five facts, ours alone")
    func plain() async throws {
        try await withPaywall([TestRoute(match: "/x", facts: .plain)]) { rig in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line + Self.forged).status == 200)
            let head = FieldLines(try #require(rig.upstream.heads.entries.first))
            let facts = try expected(payment)
            #expect(Self.names.map { head.all("x-farebox-\($0)") } == facts.map { [$0] })
            #expect(head["x-farebox-signature"] == nil && head["x-farebox-other"] == nil)
        }
    }

    @Test("signed: an HMAC-SHA-256 over version, time, method, target and facts")
    func signed() async throws {
        let key = Array("a key from the environment".utf8)
        try await withPaywall([TestRoute(match: "/x", facts: .signed(key: key))]) { rig in
            let payment = Payer().pay()
            #expect(try await rig.ask("POST /x?a=%20b", payment.line + Self.forged, body: "q").status == 200)
            let head = FieldLines(try #require(rig.upstream.heads.entries.first))
            let message = ["v1", String(Offers.start), "POST", "/x?a=%20b"] + (try expected(payment))
            let signature = Self.hmac(Array(message.joined(separator: "\n").utf8), key: key)
            #expect(head.all("x-farebox-signature") == ["v1=" + Hex.encode(signature, prefix: false)])
            #expect(head.all("x-farebox-time") == [String(Offers.start)])
        }
    }

    /// RFC 2104, written out.
    private static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let block = key + [UInt8](repeating: 0, count: 64 - key.count)
        let inner = SHA256.hash(block.map { $0 ^ 0x36 } + message)
        return SHA256.hash(block.map { $0 ^ 0x5c } + inner.bytes).bytes
    }
}
