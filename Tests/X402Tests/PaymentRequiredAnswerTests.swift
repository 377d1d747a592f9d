import Primitives
import Testing
import X402

private func parse(header: String? = nil, body: String = "", plain: String? = nil) throws -> PaymentRequiredAnswer {
    try Array(body.utf8).withUnsafeBytes {
        try PaymentRequiredAnswer.parse(paymentRequiredHeader: header, body: $0, xPaymentRequired: plain)
    }
}

@Suite("What a payer reads from a 402")
struct PaymentRequiredAnswerTests {
    private let vector = PaymentVector.transfers[0]
    private let plain =
        #"amount="10000", asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e", chain="eip155:84532", "#
        + #"recipient="0x70997970C51812dc3A010C7d01b50e0d17dc79C8", expires=1893456000"#

    @Test("the official SDK's 402 reads as its offer", arguments: PaymentVector.transfers)
    func readsVectors(vector: PaymentVector) throws {
        let answer = try parse(header: vector.v2["PAYMENT-REQUIRED"], body: "{}")
        #expect(answer.form == .v2 && answer.version == 2 && answer.error == "Payment required")
        #expect(answer.offers == [try vector.offer()])
        #expect(answer.resource?.url == "https://api.example.com/\(vector.name)")
        #expect(answer.offers.allSatisfy { $0.isPayableByTransfer })
        guard let body = vector.v1?["bodyJson"] else { return }
        let old = try parse(body: body)
        #expect(old.form == .v1 && old.resource == answer.resource)
        #expect(old.offers == [try vector.offer()])
    }

    @Test("the specification's example reads as its offer")
    func readsSpecification() throws {
        let vector = PaymentVector.specification
        let answer = try parse(header: vector.v2["PAYMENT-REQUIRED"])
        #expect(answer.offers == [try vector.offer()])
        #expect(answer.error == "PAYMENT-SIGNATURE header is required")
    }

    @Test("version 2 goes before version 1, and that before the plain form")
    func prefersNewer() throws {
        let header = vector.v2["PAYMENT-REQUIRED"]
        let body = try #require(vector.v1?["bodyJson"])
        #expect(try parse(header: header, body: body, plain: plain).form == .v2)
        #expect(try parse(header: "", body: body, plain: plain).form == .v1)
        #expect(try parse(body: body, plain: plain).form == .v1)
        #expect(try parse(body: "<html>", plain: plain).form == .plain)
        #expect(try parse(header: base64(body), body: "{}").form == .v1)
    }

    @Test("a broken header is an error, whatever the body says", arguments: ["garbage!", "e30", "bnVsbA==", "W10="])
    func refusesBrokenHeader(header: String) throws {
        let body = try #require(vector.v1?["bodyJson"])
        #expect(throws: WireError.self) { try parse(header: header, body: body) }
    }

    @Test("the plain form gives its one offer and its end")
    func readsPlain() throws {
        let answer = try parse(plain: plain)
        var offer = try vector.offer()
        offer.maxTimeoutSeconds = 0
        offer.extra = OfferExtra()
        #expect(answer == PaymentRequiredAnswer(form: .plain, offers: [offer], expires: 1_893_456_000))
        let reordered = #"expires=1,  x=5,chain="eip155:84532" ,amount="1",recipient="\\\"",asset="0x""#
        let other = try parse(plain: reordered)
        #expect(other.expires == 1 && other.offers[0].payTo == .named("\\\"") && other.offers[0].amount == UInt256(1))
    }

    @Test(
        "a plain form that is none is refused",
        arguments: [
            "", "x402", "eyJhIjoxfQ==", "amount=10000", #"amount="10000""#,
            #"amount="1", asset="a", chain="x", recipient="r""#,
            #"amount="1.5", asset="a", chain="eip155:1", recipient="r""#,
            #"amount="1", asset="a", chain="eip155:1", recipient="r"#,
            #"amount=1, asset="a", chain="eip155:1", recipient="r""#,
            #"amount="1", asset="a", chain="eip155:1", recipient="r","#,
            #"amount="1" asset="a", chain="eip155:1", recipient="r""#,
            #"Amount="1", asset="a", chain="eip155:1", recipient="r""#,
            #"amount="1", asset="a\x", chain="eip155:1", recipient="r""#,
            #"amount="1", asset="a", chain="eip155:1", recipient="r", expires=1234567890123456"#,
        ])
    func refusesPlain(value: String) {
        #expect(throws: WireError.self) { try parse(plain: value) }
    }

    @Test("entries that we cannot read are left out, and none left is an error")
    func leavesOutEntries() throws {
        let good =
            #"{"scheme":"exact","network":"eip155:1","amount":"1","asset":"a","payTo":"b","maxTimeoutSeconds":9}"#
        let odd = #"{"scheme":"exact","network":"mars","amount":"1","asset":"a","payTo":"b","maxTimeoutSeconds":9}"#
        let answer = try parse(header: base64(#"{"x402Version":2,"accepts":[\#(odd),5,\#(good)]}"#))
        #expect(answer.offers.map(\.network.name) == ["eip155:1"])
        for accepts in ["[]", "[\(odd)]"] {
            #expect(throws: WireError(.noOffers)) {
                try parse(header: base64(#"{"x402Version":2,"accepts":\#(accepts)}"#))
            }
            #expect(throws: WireError(.noOffers)) { try parse(body: #"{"x402Version":1,"accepts":\#(accepts)}"#) }
        }
        #expect(throws: WireError(.missingField)) { try parse(header: base64("{}")) }
        #expect(throws: WireError(.badValue)) { try parse(header: base64(#"{"x402Version":3,"accepts":[\#(good)]}"#)) }
        #expect(throws: WireError(.noOffers)) { try parse(body: #"{"x402Version":2,"accepts":[\#(good)]}"#) }
    }

    @Test(
        "what an authorization cannot pay is told",
        arguments: [
            (#""assetTransferMethod":"eip3009""#, true), (#""assetTransferMethod":"permit2""#, false),
            (#""paymentFlow":"authorization""#, true), (#""paymentFlow":"upfront""#, true),
            (#""paymentFlow":"escrow""#, false), (#""paymentFlow":"new""#, false), (#""other":null"#, true),
        ])
    func tellsPayable(extra: String, expected: Bool) throws {
        let entry =
            #"{"scheme":"exact","network":"eip155:1","amount":"1","asset":"\#(vector.message.to)","#
            + #""payTo":"\#(vector.message.to)","maxTimeoutSeconds":9,"extra":{\#(extra)}}"#
        let answer = try parse(header: base64(#"{"accepts":[\#(entry)]}"#))
        #expect(answer.offers.map(\.isPayableByTransfer) == [expected])
    }

    @Test("offers off EVM chains and of other schemes are not paid by transfer")
    func tellsOthers() throws {
        let bank = try Offers.bank()
        #expect(!bank.isPayableByTransfer)
        var offer = Offers.base
        #expect(offer.isPayableByTransfer)
        offer.scheme = "upto"
        #expect(!offer.isPayableByTransfer)
    }
}
