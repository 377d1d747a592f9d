import Foundation
import Primitives
import Testing
import X402

@Suite("A 402 in all forms at once")
struct ChallengeTemplateTests {
    private func template(
        _ offers: [PaymentRequirements], origin: String = "https://api.example.com", description: String = "Weather",
        mimeType: String = "application/json", grantHeader: String? = nil
    ) -> ChallengeTemplate {
        ChallengeTemplate(
            offers: offers, resourceOrigin: origin, description: description, mimeType: mimeType,
            grantHeader: grantHeader)
    }

    @Test("the head is complete, in ASCII, each field once")
    func writesHead() throws {
        let challenge = RenderedChallenge(template([Offers.baseSepolia]), target: "/weather?city=Oslo")
        #expect(challenge.lines.first == "HTTP/1.1 402 Payment Required")
        #expect(challenge.head.hasSuffix("\r\n") && !challenge.head.hasSuffix("\r\n\r\n"))
        let head = challenge.head.replacing("\r\n", with: "")
        #expect(head.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        for (name, value) in [
            ("content-type", "application/json"), ("cache-control", "no-store"),
            (
                "access-control-expose-headers",
                "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Payment-Required"
            ),
            (
                "X-Payment-Required",
                #"amount="10000", asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e", chain="eip155:84532", "#
                    + #"recipient="0x70997970C51812dc3A010C7d01b50e0d17dc79C8", expires=1893456000"#
            ),
        ] { #expect(challenge.values(name) == [value]) }
        #expect(challenge.values("PAYMENT-REQUIRED").count == 1)
    }

    @Test("an independent reader finds our offers, in our order, with checksummed addresses")
    func writesVersion2() throws {
        let offers = [Offers.arbitrum, Offers.baseSepolia, try Offers.bank()]
        let challenge = RenderedChallenge(template(offers), target: "/w")
        let required = try challenge.version2()
        #expect(required.x402Version == 2)
        #expect(required.error == "Payment required")
        #expect(required.resource.url == "https://api.example.com/w")
        #expect(required.resource.description == "Weather")
        #expect(required.resource.mimeType == "application/json")
        #expect(required.accepts.map(\.network) == ["eip155:42161", "eip155:84532", "offchain:bank"])
        #expect(required.accepts.map(\.asset) == offers.map(\.asset.description))
        #expect(required.accepts[1].asset == "0x036CbD53842c5426634e7929541eC2318f3dCF7e")
        #expect(required.accepts[1].payTo == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
        #expect(required.accepts.map(\.amount) == ["10000", "10000", "5"])
        #expect(
            required.accepts.map(\.extra) == [
                ["name": "USDC", "version": "2"], ["name": "USDC", "version": "2"], nil,
            ])
        #expect(required.accepts.allSatisfy { $0.scheme == "exact" && $0.maxTimeoutSeconds == 60 })
    }

    @Test("extensions of every challenge and of this one stand side by side", arguments: ["/", "/a", "/ab", "/abc"])
    func writesExtensions(target: String) throws {
        let template = ChallengeTemplate(
            offers: [Offers.baseSepolia], resourceOrigin: "https://api.example.com",
            extensions: [JSONMember("bazaar", .object([JSONMember("info", .string("x"))]))])
        let refused = ChallengeError.refused(.paymentAlreadyUsed)
        for (added, error) in [(nil, ChallengeError.unpaid), (["siwx"], .unpaid), (["siwx"], refused), (nil, refused)] {
            let members = added.map { $0.map { JSONMember($0, .bool(true)) } }
            let challenge = RenderedChallenge(template, error: error, target: target, adding: members)
            let value = try #require(challenge.values("PAYMENT-REQUIRED").first)
            let data = try #require(Data(base64Encoded: value))
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let extensions = try #require(object["extensions"] as? [String: Any])
            #expect(extensions.keys.sorted() == ["bazaar"] + (added ?? []))
            let required = try challenge.version2()
            #expect(required.error == error.text && required.resource.url == "https://api.example.com" + target)
        }
    }

    @Test("our own payer reads the offers back")
    func readsBack() throws {
        let offers = [Offers.arbitrum, Offers.baseSepolia, try Offers.bank()]
        let challenge = RenderedChallenge(template(offers), target: "/w")
        let header = challenge.values("PAYMENT-REQUIRED").first
        let answer = try Array(challenge.body.utf8).withUnsafeBytes {
            try PaymentRequiredAnswer.parse(paymentRequiredHeader: header, body: $0, xPaymentRequired: nil)
        }
        #expect(answer.offers == offers)
        let resource = Resource(
            url: "https://api.example.com/w", description: "Weather", mimeType: "application/json")
        #expect(answer.resource == resource)
    }

    @Test("the target is spliced in at every alignment", arguments: 0...70)
    func splicesTargets(length: Int) throws {
        let target = "/" + String((0..<length).map { Character(Unicode.Scalar(UInt8(97 + $0 % 26))) })
        for origin in ["http://a", "http://ab", "https://abc.example:8402", "http://[::1]:80/"] {
            for description in ["", "x", "xy"] {
                let challenge = RenderedChallenge(
                    template([Offers.base], origin: origin, description: description), target: target)
                try expectURL(challenge, origin.hasSuffix("/") ? String(origin.dropLast()) + target : origin + target)
                let refused = RenderedChallenge(
                    template([Offers.base], origin: origin, description: description),
                    error: .refused(ReasonCode(rawValue: String(repeating: "e", count: length % 7))), target: target)
                try expectURL(refused, origin.hasSuffix("/") ? String(origin.dropLast()) + target : origin + target)
            }
        }
    }

    private func expectURL(_ challenge: RenderedChallenge, _ url: String) throws {
        let header = try #require(challenge.values("PAYMENT-REQUIRED").first)
        #expect(header.count % 4 == 0)
        #expect(
            header.wholeMatch(of: /[A-Za-z0-9+\/]+/) != nil, "padding inside the text would end it for some readers")
        #expect(try challenge.version2().resource.url == url)
        #expect(try challenge.version1().accepts.map(\.resource) == [url])
    }

    @Test("a refusal carries its reason in every form, and the payer in the body")
    func writesRefusals() throws {
        let payer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        let challenge = RenderedChallenge(
            template([Offers.base]), error: .refused(.insufficientFunds, payer: payer), target: "/w")
        #expect(try challenge.version2().error == "insufficient_funds")
        #expect(try challenge.version2().accepts.count == 1)
        #expect(try challenge.version1().error == "insufficient_funds")
        #expect(try challenge.version1().payer == payer)
        #expect(challenge.values("X-Payment-Required").count == 1)
        #expect(try RenderedChallenge(template([Offers.base]), target: "/w").version1().payer == nil)
    }

    @Test("version 1 gets what its strictest reader takes, under its names")
    func writesVersion1() throws {
        let challenge = RenderedChallenge(
            template([Offers.arbitrum, Offers.baseSepolia, Offers.ethereum, Offers.base, try Offers.bank()]),
            target: "/w")
        let required = try challenge.version1()
        #expect(required.x402Version == 1)
        #expect(required.error == "Payment required")
        #expect(required.requestId == "req-1")
        #expect(required.accepts.map(\.network) == ["base-sepolia", "base"])
        #expect(required.accepts.allSatisfy { $0.resource == "https://api.example.com/w" && $0.scheme == "exact" })
        #expect(required.accepts[0].asset == "0x036CbD53842c5426634e7929541eC2318f3dCF7e")
        #expect(required.accepts[0].payTo == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
        #expect(required.accepts[0].maxAmountRequired == "10000")
        #expect(required.accepts[0].extra == ["name": "USDC", "version": "2"])
        #expect(!challenge.body.contains("null"))
        #expect(challenge.body.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }

    @Test("texts that are not set are empty strings for version 1, never absent")
    func writesEmptyTexts() throws {
        let challenge = RenderedChallenge(template([Offers.base], description: "", mimeType: ""), target: "/w")
        #expect(try challenge.version1().accepts[0].description == "")
        #expect(try challenge.version1().accepts[0].mimeType == "")
    }

    @Test("without an offer for version 1 the body is the error alone")
    func leavesOutVersion1() throws {
        let permit2 = [JSONMember("assetTransferMethod", .string("permit2"))]
        var permit = Offers.base
        permit.extra.others = permit2
        for offers in [[Offers.arbitrum], [Offers.ethereum], [Offers.usdc(31337, Offers.payee.description)], [permit]] {
            let challenge = RenderedChallenge(template(offers), target: "/w")
            #expect(challenge.body == #"{"error":"Payment required","requestId":"req-1"}"#)
        }
        let anonymous = RenderedChallenge(template([Offers.arbitrum]), target: "/w", requestID: "")
        #expect(anonymous.body == #"{"error":"Payment required"}"#)
    }

    @Test("a version that no rail takes is not offered")
    func offersByVersion() throws {
        let both = RenderedChallenge(
            ChallengeTemplate(
                offers: [Offers.arbitrum], version1: [Offers.baseSepolia], resourceOrigin: "https://api.example.com"))
        #expect(try both.version2().accepts.map(\.network) == ["eip155:42161"])
        #expect(try both.version1().accepts.map(\.network) == ["base-sepolia"])

        let old = RenderedChallenge(
            ChallengeTemplate(offers: [], version1: [Offers.baseSepolia], resourceOrigin: "https://api.example.com"))
        #expect(old.values("PAYMENT-REQUIRED").isEmpty && old.values("X-Payment-Required").isEmpty)
        #expect(old.values("cache-control") == ["no-store"])
        #expect(old.values("access-control-expose-headers").count == 1)
        #expect(!old.lines.dropLast().contains(""))
        #expect(try old.version1().accepts.count == 1)

        let new = RenderedChallenge(
            ChallengeTemplate(offers: [Offers.baseSepolia], version1: [], resourceOrigin: "https://api.example.com"))
        #expect(!new.body.contains("x402Version"))
    }

    @Test("the plain form shows the first EVM offer, and is left out where there is none")
    func writesPlainForm() throws {
        let bank = try Offers.bank()
        let both = RenderedChallenge(template([bank, Offers.arbitrum, Offers.base]), target: "/w")
        let value = try #require(both.values("X-Payment-Required").first)
        let answer = try [UInt8]().withUnsafeBytes {
            try PaymentRequiredAnswer.parse(paymentRequiredHeader: nil, body: $0, xPaymentRequired: value)
        }
        #expect(answer.offers.map(\.network.name) == ["eip155:42161"])
        #expect(answer.expires == 1_893_456_000)
        let alone = RenderedChallenge(template([bank]), target: "/w")
        #expect(alone.values("X-Payment-Required").isEmpty)
        #expect(try alone.version2().accepts.count == 1)
        #expect(alone.lines.count == both.lines.count - 1)
    }

    @Test("text that is not ASCII is escaped and comes back")
    func escapesText() throws {
        let text = "Non-ASCII ₮ 😀 \"quoted\" \\ \u{1}"
        var offer = Offers.base
        offer.extra = OfferExtra(name: "USD₮0", version: "1")
        let challenge = RenderedChallenge(
            template([offer], description: text), error: .refused(ReasonCode(rawValue: "ä\"\\😀"), payer: "ß\n"),
            target: "/w")
        let header = try #require(challenge.values("PAYMENT-REQUIRED").first)
        let json = try #require(Data(base64Encoded: header))
        #expect(json.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(try challenge.version2().resource.description == text)
        #expect(try challenge.version2().accepts[0].extra?["name"] == "USD₮0")
        #expect(try challenge.version2().error == "ä\"\\😀")
        #expect(challenge.body.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(try challenge.version1().accepts[0].description == text)
        #expect(try challenge.version1().payer == "ß\n")
    }

    @Test(
        "whatever the target, the URL is one and the JSON stays whole",
        arguments: [
            ("/a\"b\\c", "/a%22b%5Cc"), ("/é", "/%C3%A9"), ("/a b\r\nx: y", "/a%20b%0D%0Ax:%20y"), ("", "/"),
            ("*", "/"),
            ("http://other/", "/"), ("/%7E?a=%20&b={}", "/%7E?a=%20&b={}"),
            ("/p?" + String(repeating: "q", count: 1100), "/p"),
            ("/" + String(repeating: "p", count: 1023), "/" + String(repeating: "p", count: 1023)),
            ("/" + String(repeating: "p", count: 1024), "/"), ("/" + String(repeating: "é", count: 600), "/"),
            (
                "/" + String(repeating: "é", count: 500),
                "/" + String(repeating: "%C3%A9", count: 500)
            ),
        ])
    func advertisesTargets(target: String, shown: String) throws {
        for error in [ChallengeError.unpaid, .refused(.validBefore, payer: "p")] {
            let challenge = RenderedChallenge(template([Offers.base]), error: error, target: target)
            #expect(try challenge.version2().resource.url == "https://api.example.com" + shown)
            #expect(try challenge.version1().accepts[0].resource == "https://api.example.com" + shown)
        }
    }

    @Test("a header of three offers and the longest target stays below 4 KiB")
    func staysSmall() throws {
        let challenge = RenderedChallenge(
            template([Offers.base, Offers.arbitrum, Offers.ethereum]), target: "/" + String(repeating: "p", count: 1023)
        )
        #expect(try #require(challenge.values("PAYMENT-REQUIRED").first).utf8.count < 4096)
    }

    @Test("one more field can be shown to scripts")
    func exposesGrant() {
        let challenge = RenderedChallenge(template([Offers.base], grantHeader: "Payment-Grant"))
        #expect(challenge.values("access-control-expose-headers").first?.hasSuffix(", Payment-Grant") == true)
    }

    @Test("bounds hold for the widest escapes")
    func holdsBounds() throws {
        for length in [0, 1, 2, 3, 50, 1024, 2000] {
            let wide = String(repeating: "\u{1}", count: length)
            let challenge = RenderedChallenge(
                template([Offers.base, Offers.baseSepolia]), error: .refused(ReasonCode(rawValue: wide), payer: wide),
                target: "/" + wide, expires: .max, requestID: String(repeating: "r", count: 200))
            #expect(try challenge.version2().error == wide)
            #expect(try challenge.version1().payer == wide)
        }
    }
}

@Suite("Refusals without offers")
struct NoOfferAnswerTests {
    private var receipt: Receipt {
        Receipt(
            success: false, transaction: "0xabc", network: Network(chainID: 84532), reason: .settlementPending)
    }

    @Test("a pending settlement names its transaction and offers nothing")
    func writesPending() throws {
        let answer = NoOfferAnswer(
            status: .paymentRequired, reason: .settlementPending, transaction: "0xabc", retryAfterSeconds: 5,
            receipt: receipt, form: .v2)
        let head = String(decoding: answer.head(), as: UTF8.self)
        #expect(head.hasPrefix("HTTP/1.1 402 Payment Required\r\n"))
        #expect(head.contains("\r\nretry-after: 5\r\n") && head.contains("\r\ncache-control: no-store\r\n"))
        #expect(head.hasSuffix("\r\n") && !head.contains("\r\n\r\n"))
        #expect(!head.contains("PAYMENT-REQUIRED: ") && !head.lowercased().contains("x-payment-required: "))
        let value = try #require(head.split(separator: "PAYMENT-RESPONSE: ").last?.split(separator: "\r\n").first)
        #expect(try Receipt.parse(header: String(value)) == receipt)
        #expect(
            String(decoding: answer.body(requestID: "r1"), as: UTF8.self)
                == #"{"error":"settlement_pending","transaction":"0xabc","requestId":"r1"}"#)
    }

    @Test("a payment in flight is a conflict without receipt")
    func writesInFlight() {
        let answer = NoOfferAnswer(status: .conflict, reason: .paymentInFlight, retryAfterSeconds: 1)
        let head = String(decoding: answer.head(), as: UTF8.self)
        #expect(head.hasPrefix("HTTP/1.1 409 Conflict\r\n"))
        #expect(!head.contains("RESPONSE: "))
        #expect(String(decoding: answer.body(requestID: ""), as: UTF8.self) == #"{"error":"payment_in_flight"}"#)
    }

    @Test("a version 1 payer gets the header of version 1")
    func writesVersion1Receipt() {
        let answer = NoOfferAnswer(
            status: .paymentRequired, reason: .settlementPending, retryAfterSeconds: 5, receipt: receipt, form: .v1)
        #expect(String(decoding: answer.head(), as: UTF8.self).contains("\r\nX-PAYMENT-RESPONSE: "))
    }
}
