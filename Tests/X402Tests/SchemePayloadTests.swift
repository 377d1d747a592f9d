import Primitives
import Testing
import X402

@Suite("Payloads that rails read themselves")
struct SchemePayloadTests {
    private func payment(scheme: String = "exact", network: String, payload: String) -> String {
        #"{"payload":\#(payload),"x402Version":2,"accepted":{"scheme":"\#(scheme)","network":"\#(network)","amount":"5","#
            + #""asset":"USD","payTo":"acct-1","extra":{"k":[1,{"z":null}],"name":"n"}}}"#
    }

    private func payload(_ text: String) throws -> SchemePayload? {
        guard case .payment(let payment) = read(text) else { return nil }
        return payment.payload
    }

    @Test("an offchain payload comes as it was sent")
    func readsOffchain() throws {
        let inner = #"{"paymentIntentId":"pi_1","signature":"s","amount":1.50,"nested":{"é":["a\n",null,true]}}"#
        let reading = read(payment(network: "offchain:bank", payload: inner))
        let expected = Payment(
            form: .v2, scheme: "exact", network: Network("offchain:bank"),
            accepted: AcceptedOffer(
                asset: .named("USD"), amount: UInt256(5), payTo: .named("acct-1"), maxTimeoutSeconds: nil,
                extra: OfferExtra(
                    name: "n",
                    others: [
                        JSONMember("k", .array([.number("1"), .object([JSONMember("z", .null)])]))
                    ])),
            payload: .other(try JSONValue.parse(Array(inner.utf8))))
        #expect(reading == .payment(expected))
    }

    @Test("an authorization is one only in exact on an EVM chain")
    func leavesOtherAuthorizations() throws {
        let inner = #"{"authorization":{"token":"t"},"signature":"x"}"#
        let expected = SchemePayload.other(try JSONValue.parse(Array(inner.utf8)))
        #expect(try payload(payment(network: "offchain:bank", payload: inner)) == expected)
        #expect(try payload(payment(scheme: "upto", network: "eip155:8453", payload: inner)) == expected)
        #expect(read(payment(network: "eip155:8453", payload: inner)) == .undecodable(.invalidPayload))
    }

    @Test("a Permit2 payload is one only on an EVM chain")
    func leavesOtherPermits() throws {
        let inner = #"{"signature":"0x00","permit2Authorization":{"from":"0x"}}"#
        let expected = SchemePayload.other(try JSONValue.parse(Array(inner.utf8)))
        #expect(try payload(payment(network: "offchain:bank", payload: inner)) == expected)
        #expect(read(payment(network: "eip155:8453", payload: inner)) == .undecodable(.invalidPayload))
    }

    @Test("a payload that is no object is refused", arguments: ["null", "1", "\"a\"", "[]", "true"])
    func refusesOtherPayloads(inner: String) {
        #expect(read(payment(network: "offchain:bank", payload: inner)) == .undecodable(.invalidPayload))
    }

    @Test("what a rail's payload repeats is refused")
    func refusesDuplicates() {
        for inner in [#"{"a":1,"a":2}"#, #"{"signature":"a","\u0073ignature":"b"}"#, #"{"o":{"a":1,"a":1}}"#] {
            #expect(read(payment(network: "offchain:bank", payload: inner)) == .undecodable(.invalidPayload))
        }
    }
}
