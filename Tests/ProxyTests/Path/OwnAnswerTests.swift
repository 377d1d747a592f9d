import EVM
import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Answers that no upstream gives.
@Suite("Answers of our own", .timeLimit(.minutes(2)))
struct OwnAnswerTests {
    static let routes = [
        TestRoute(match: "GET /x"), .free("GET /free"), .free("POST /both"), TestRoute(match: "GET /both"),
    ]

    @Test(
        "no route, another method, an ambiguous target: an error with an id, and nothing is forwarded",
        arguments: [
            ("GET /nowhere", 404, "not_found"), ("POST /x", 405, "method_not_allowed"),
            ("DELETE /free", 405, "method_not_allowed"), ("GET /x/../free", 400, "bad_target"),
            ("GET /free/%2e%2e/x", 400, "bad_target"), ("GET //free", 400, "bad_target"),
            ("GET http://other.example.com/free", 400, "bad_target"),
        ])
    func refused(line: String, status: Int, code: String) async throws {
        try await withPaywall(Self.routes) { rig in
            let answer = try await rig.ask(line, Payer().pay().line)
            #expect(answer.status == status)
            #expect(answer.text.contains("\"error\":\"\(code)\""))
            let id = try #require(answer.text.firstRange(of: #/"requestId":"[0-9a-f]{16}"/#))
            #expect(!id.isEmpty)
            #expect(answer["cache-control"] == "no-store")
            #expect((answer["allow"] != nil) == (status == 405))
            #expect(rig.upstream.runs == 0 && rig.ledger.claims.count == 0)
        }
    }

    @Test("a head that breaks the rules is refused with an id, and the connection closes")
    func badHead() async throws {
        try await withPaywall(Self.routes) { rig in
            let client = try await rig.client()
            try await client.send(
                "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 400 && answer.text.contains("requestId") && answer["connection"] == "close")
            #expect(await client.isClosedByServer())
        }
    }

    @Test("a request that no route matches goes free where the file says so")
    func unmatchedFree() async throws {
        try await withPaywall(Self.routes, settings: RigSettings(unmatchedFree: true)) {
            (rig: PaywallRig) async throws in
            #expect(try await rig.ask("GET /nowhere", Payer().pay().line).status == 200)
            #expect(try await rig.ask("GET /x").status == 402)
            #expect(try await rig.ask("PUT /x").status == 405)
            #expect(try await rig.ask("GET /x/%2e%2e/x").status == 400)
            #expect(rig.upstream.heads.entries.count == 1 && rig.ledger.claims.count == 0)
            #expect(!rig.upstream.heads.entries[0].lowercased().contains("payment"))
        }
    }

    @Test("a true preflight of a priced route is answered here, and lets a browser pay")
    func preflight() async throws {
        try await withPaywall(Self.routes) { rig in
            let answer = try await rig.ask(
                "OPTIONS /x",
                "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-mine\r\n"
            )
            #expect(answer.status == 204 && answer["access-control-allow-origin"] == "*")
            #expect(answer["access-control-allow-methods"]?.contains("GET") == true)
            let allowed = try #require(answer["access-control-allow-headers"])
            for field in ["PAYMENT-SIGNATURE", "X-PAYMENT", "Payment-Grant", "x-mine"] {
                #expect(allowed.contains(field))
            }
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test(
        "a preflight of a free method goes to the upstream that answers it",
        arguments: [("/free", "GET", 200), ("/both", "POST", 200), ("/both", "GET", 204), ("/free", "PUT", 405)])
    func freePreflight(path: String, method: String, status: Int) async throws {
        try await withPaywall(Self.routes) { rig in
            let answer = try await rig.ask(
                "OPTIONS \(path)", "Origin: https://a.example\r\nAccess-Control-Request-Method: \(method)\r\n")
            #expect(answer.status == status)
            #expect(rig.upstream.runs == (status == 200 ? 1 : 0))
        }
    }

    @Test("OPTIONS without both fields of a preflight is priced like any method")
    func falsePreflight() async throws {
        try await withPaywall([TestRoute(match: "/x")]) { (rig: PaywallRig) async throws in
            for fields in ["", "Origin: https://a.example\r\n", "Access-Control-Request-Method: GET\r\n"] {
                #expect(try await rig.ask("OPTIONS /x", fields).status == 402)
            }
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("a page may read a 402 and an error of a priced route")
    func readable() async throws {
        try await withPaywall(Self.routes) { rig in
            let origin = "Origin: https://a.example\r\n"
            let unpaid = try await rig.ask("GET /x", origin)
            #expect(unpaid["access-control-allow-origin"] == "*")
            #expect(unpaid["access-control-expose-headers"]?.contains("PAYMENT-REQUIRED") == true)
            await rig.upstream.stop()
            let broken = try await rig.ask("GET /x", origin + Payer().pay().line)
            #expect(broken.status == 502 && broken["access-control-allow-origin"] == "*")
            #expect(broken["access-control-expose-headers"]?.contains("Payment-Grant") == true)
            #expect(try await rig.ask("GET /x")["access-control-allow-origin"] == nil)
        }
    }

    @Test("the state of a payment is told to whoever knows its id")
    func paymentStatus() async throws {
        try await withPaywall(Self.routes) { rig in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            let record = try #require(try await rig.record(of: payment))
            let path = "/.well-known/x402/payments/\(record.reference.identity.publicID)"
            let answer = try await rig.ask("GET \(path)")
            #expect(answer.status == 200 && answer["content-type"] == "application/json")
            let json = try JSONValue.parse(answer.body)
            #expect(json["value"] == .string("settled") && json["service"] == .string("delivered"))
            let transaction = try #require(record.transaction)
            #expect(json["transaction"] == .string(transaction))
            #expect(json["amount"] == .string("1000"))
            #expect(!answer.text.contains("signature") && !answer.text.contains(Payer().key.address.checksummed))
            #expect(try await rig.ask("HEAD \(path)").status == 200)
            let unknown = "/.well-known/x402/payments/" + String(repeating: "0", count: 32)
            #expect(try await rig.ask("GET \(unknown)").status == 404)
            #expect(try await rig.ask("GET /.well-known/x402/payments/abc").status == 404)
            rig.ledger.fail(["payment"])
            #expect(try await rig.ask("GET \(path)").status == 503)
            #expect(rig.upstream.runs == 1)
        }
    }
}
