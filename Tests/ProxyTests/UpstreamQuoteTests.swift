import Pricing
import Testing

@testable import Proxy

@Suite("A quote of the upstream")
struct UpstreamQuoteTests {
    @Test(
        "is read where it is exactly one",
        arguments: [
            ("$0.02", "$0.02", nil), ("$0.02; valid_for=30", "$0.02", 30), ("$1;valid_for=0", "$1", 0),
            ("7 usdc@base, $1", "$1, 7 usdc@base", nil), ("free", "free", nil),
        ] as [(String, String, Int64?)])
    func reads(value: String, price: String, seconds: Int64?) throws {
        let told = try #require(UpstreamQuote.read(value, isCost: true))
        #expect(told.price.description == price && told.price.isCost && told.seconds == seconds)
    }

    @Test(
        "is none where it is anything else",
        arguments: [
            "", "0.02", "-$1", "$-1", "$0", "$1e3", "$1 ", " $1;", "$1;valid_for", "$1;valid_for=-1",
            "$1;valid_for=030",
            "$1; valid_for=86401", "$1; valid_for=30; valid_for=30", "$1; note=x", "USD 1", "1.5 usdc@base",
            "$" + String(repeating: "9", count: 300),
        ])
    func refuses(value: String) {
        #expect(UpstreamQuote.read(value, isCost: false) == nil)
    }

    @Test("is asked with what was named and nothing else")
    func head() {
        let lines = [("X-Tenant", "acme"), ("Authorization", "Bearer x"), ("Cookie", "secret")]
        func text(_ quote: UpstreamQuote, _ target: String) -> String {
            let head = Array(target.utf8).withUnsafeBytes { target in
                quote.head(target: target, host: Array("api.example.com".utf8)) { show in
                    for (name, value) in lines {
                        Array(name.utf8).withUnsafeBytes { name in
                            Array(value.utf8).withUnsafeBytes { show((name, $0)) }
                        }
                    }
                }
            }
            return String(decoding: head, as: UTF8.self)
        }
        let plain = UpstreamQuote(header: "x-quote", timeout: .seconds(1))
        #expect(text(plain, "/a/b?c=d") == "HEAD /a/b?c=d HTTP/1.1\r\nhost: api.example.com\r\n")
        let named = UpstreamQuote(
            header: "x-quote", method: "POST", path: [.text("/"), .text("quote"), .text("/"), .segment(1)],
            headers: ["x-tenant", "authorization"], timeout: .seconds(1))
        #expect(
            text(named, "/tools/t%20x/run?n=1")
                == "POST /quote/t%20x?n=1 HTTP/1.1\r\nhost: api.example.com\r\nx-tenant: acme\r\nauthorization: Bearer x\r\n"
        )
    }

    @Test(
        "is refused where a field that goes along is one that its readers could read differently",
        arguments: [
            (["X-Size"], false), (["X_Size"], true), (["x-size", "X-Size"], true), (["X-Other", "x_other"], false),
        ])
    func doubtful(names: [String], isDoubtful: Bool) {
        let quote = UpstreamQuote(header: "x-quote", headers: ["x-size"], timeout: .seconds(1))
        let refusal = quote.doubtful { show in
            for name in names {
                Array(name.utf8).withUnsafeBytes { name in
                    [UInt8(ascii: "1")].withUnsafeBytes { show((name, $0)) }
                }
            }
        }
        #expect((refusal != nil) == isDoubtful)
    }
}
