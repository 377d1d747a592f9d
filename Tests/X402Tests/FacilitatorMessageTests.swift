import Foundation
import Primitives
import Testing
import X402

private func parse(_ body: String) -> FacilitatorRequestReading {
    Array(body.utf8).withUnsafeBytes { FacilitatorRequest.parse($0) }
}

@Suite("Facilitator requests")
struct FacilitatorRequestTests {
    @Test("the official SDK's requests read as what was signed", arguments: PaymentVector.transfers)
    func readsVectors(vector: PaymentVector) throws {
        let offer = try vector.offer()
        let v2 = FacilitatorRequest(x402Version: 2, payment: try vector.payment(.v2), requirements: offer)
        #expect(parse(try #require(vector.v2["facilitatorRequestJson"])) == .request(v2))
        guard let json = vector.v1?["facilitatorRequestJson"] else { return }
        guard case .request(let v1) = parse(json) else {
            Issue.record("version 1 was not read")
            return
        }
        #expect(v1.x402Version == 1 && v1.requirements == offer)
        #expect(v1.payment == (try vector.payment(.v1)))
        #expect(v1.resource?.url == "https://api.example.com/\(vector.name)")
    }

    @Test("what we send reads as the same request", arguments: PaymentVector.transfers)
    func readsOwnWriting(vector: PaymentVector) throws {
        let resource = Resource(url: "https://api.example.com/x", description: "d", mimeType: "m")
        for version in [1, 2] where version == 2 || vector.v1 != nil {
            let expected = FacilitatorRequest(
                x402Version: version, payment: try vector.payment(version == 1 ? .v1 : .v2),
                requirements: try vector.offer(), resource: version == 1 ? resource : nil)
            for form in [PaymentForm.v1, .v2, .plain] {
                var request = expected
                request.payment = try vector.payment(form)
                let body = String(decoding: request.encoded(), as: UTF8.self)
                #expect(parse(body) == .request(expected), "\(form) sent as version \(version)")
            }
        }
    }

    @Test("a network without a version 1 name is sent as version 2")
    func sendsVersion2() throws {
        let vector = PaymentVector.transfers[3]
        let request = FacilitatorRequest(
            x402Version: 1, payment: try vector.payment(.plain), requirements: try vector.offer())
        let expected = FacilitatorRequest(
            x402Version: 2, payment: try vector.payment(.v2), requirements: try vector.offer())
        #expect(parse(String(decoding: request.encoded(), as: UTF8.self)) == .request(expected))
    }

    @Test("what is not JSON is told apart from what lacks a parameter")
    func refusesMalformed() throws {
        let body = try #require(PaymentVector.transfers[0].v2["facilitatorRequestJson"])
        for text in [
            "", "{", "no", body + "}", body.replacing("\"x402Version\": 2, \"pay", with: "\"z\":1,\"z\":2, \"pay"),
        ] {
            #expect(parse(text) == .malformed(.invalidJSON))
        }
        for text in [
            "{}", "[]", "null", "5", #"{"x402Version":2,"paymentPayload":{}}"#, #"{"paymentRequirements":{}}"#,
            #"{"paymentPayload":null,"paymentRequirements":{}}"#,
            #"{"paymentPayload":"e30=","paymentRequirements":{}}"#,
        ] { #expect(parse(text) == .malformed(.missingParameters), "\(text)") }
    }

    @Test("versions that differ and versions we do not know are told apart from bad payloads")
    func refusesVersions() throws {
        let body = try #require(PaymentVector.transfers[0].v2["facilitatorRequestJson"])
        let outer = #"{"x402Version": 2, "paymentPayload""#
        #expect(body.hasPrefix(outer))
        for version in ["1", "3", "\"2\"", "2.0"] {
            #expect(
                parse(body.replacing(outer, with: #"{"x402Version": \#(version), "paymentPayload""#)) == .wrongVersion)
        }
        #expect(parse(body.replacing(outer, with: #"{"paymentPayload""#)) == parse(body))
        #expect(
            parse(body.replacing(#"{"x402Version": 2, "payload""#, with: #"{"x402Version": 3, "payload""#))
                == .wrongVersion)
        #expect(
            parse(body.replacing(#"{"x402Version": 2, "payload""#, with: #"{"x402Version": 1, "payload""#))
                == .wrongVersion)
        let plain = try PaymentVector.transfers[0].payment(.plain).json.encoded()
        let text = #"{"paymentPayload":\#(String(decoding: plain, as: UTF8.self)),"paymentRequirements":{}}"#
        #expect(parse(text) == .wrongVersion)
    }

    @Test("a parameter that cannot be read is a verdict, not a malformed request")
    func refusesInvalid() throws {
        let body = try #require(PaymentVector.transfers[0].v2["facilitatorRequestJson"])
        #expect(parse(#"{"paymentPayload":{},"paymentRequirements":{}}"#) == .invalid(.invalidPayload))
        #expect(parse(body.replacing("\"validAfter\": \"0\"", with: "\"validAfter\": 0")) == .invalid(.invalidPayload))
        let halves = body.components(separatedBy: "\"paymentRequirements\"")
        #expect(halves.count == 2)
        func changed(_ old: String, _ new: String) -> FacilitatorRequestReading {
            #expect(halves[1].contains(old))
            return parse(halves[0] + "\"paymentRequirements\"" + halves[1].replacing(old, with: new))
        }
        #expect(changed("\"amount\": \"10000\"", "\"amount\": 10000") == .invalid(.invalidPaymentRequirements))
        #expect(changed("\"amount\": \"10000\"", "\"amount\": \"1e4\"") == .invalid(.invalidPaymentRequirements))
        #expect(
            changed("\"maxTimeoutSeconds\": 60", "\"maxTimeoutSeconds\": \"60\"")
                == .invalid(.invalidPaymentRequirements))
        #expect(changed("\"payTo\"", "\"to\"") == .invalid(.invalidPaymentRequirements))
        #expect(changed("eip155:84532", "base-sepolia") == .invalid(.invalidNetwork))
    }
}

@Suite("Facilitator answers")
struct FacilitatorAnswerTests {
    private func verify(_ text: String) throws -> VerifyAnswer {
        try Array(text.utf8).withUnsafeBytes { try VerifyAnswer.parse($0) }
    }

    private func supported(_ text: String) throws -> SupportedAnswer {
        try Array(text.utf8).withUnsafeBytes { try SupportedAnswer.parse($0) }
    }

    @Test("verdicts are written as clients read them")
    func writesVerdicts() throws {
        let valid = VerifyAnswer(isValid: true, payer: "0xabc")
        #expect(String(decoding: valid.encoded(), as: UTF8.self) == #"{"isValid":true,"payer":"0xabc"}"#)
        let invalid = VerifyAnswer(isValid: false, invalidReason: .signature, invalidMessage: "m", payer: "0xabc")
        #expect(
            String(decoding: invalid.encoded(), as: UTF8.self)
                == #"{"isValid":false,"invalidReason":"invalid_exact_evm_payload_signature","invalidMessage":"m","payer":"0xabc"}"#
        )
        for answer in [valid, invalid] {
            #expect(try verify(String(decoding: answer.encoded(), as: UTF8.self)) == answer)
        }
    }

    @Test("a verdict may have fields that we do not know, and nulls")
    func readsTolerantly() throws {
        let text = #"{"isValid":true,"invalidReason":null,"payer":null,"extensions":{"a":[1]},"extra":{}}"#
        #expect(try verify(text) == VerifyAnswer(isValid: true))
    }

    @Test(
        "a verdict that is none is refused",
        arguments: [
            "", "{}", "[]", "true", #"{"isValid":"true"}"#, #"{"isValid":1}"#, #"{"isValid":null}"#,
            #"{"success":true}"#,
            #"{"isValid":true,"payer":5}"#, #"{"isValid":false,"invalidReason":{}}"#,
            #"{"isValid":true,"isValid":false}"#,
            #"{"isValid":false,"isV\u0061lid":true}"#, #"<html>{"isValid":true}</html>"#, #"{"isValid":true} x"#,
        ])
    func refusesVerdicts(text: String) {
        #expect(throws: WireError.self) { try verify(text) }
    }

    @Test("what is supported is written as clients read it, and read back")
    func writesSupported() throws {
        let answer = SupportedAnswer(
            kinds: [
                .init(x402Version: 2, scheme: "exact", network: "eip155:84532"),
                .init(
                    x402Version: 1, scheme: "exact", network: "base-sepolia", extra: [JSONMember("mock", .bool(true))]),
            ],
            extensions: ["e"], signers: [.init(pattern: "eip155:*", signers: ["0x1", "0x2"])])
        let text = String(decoding: answer.encoded(), as: UTF8.self)
        #expect(
            text == #"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532"},"#
                + #"{"x402Version":1,"scheme":"exact","network":"base-sepolia","extra":{"mock":true}}],"#
                + #""extensions":["e"],"signers":{"eip155:*":["0x1","0x2"]}}"#)
        #expect(try supported(text) == answer)
        #expect(try supported(#"{"kinds":[]}"#) == SupportedAnswer(kinds: []))
    }

    @Test(
        "what is not such an answer is refused",
        arguments: [
            "{}", #"{"kinds":{}}"#, #"{"kinds":[1]}"#, #"{"kinds":[{"scheme":"exact","network":"a:b"}]}"#,
            #"{"kinds":[{"x402Version":"2","scheme":"exact","network":"a:b"}]}"#,
            #"{"kinds":[{"x402Version":2,"scheme":1,"network":"a:b"}]}"#, #"{"kinds":[],"extensions":[1]}"#,
            #"{"kinds":[],"signers":[]}"#, #"{"kinds":[],"signers":{"a:*":"0x"}}"#,
            #"{"kinds":[],"signers":{"a:*":[1]}}"#,
        ])
    func refusesSupported(text: String) {
        #expect(throws: WireError.self) { try supported(text) }
    }
}
