import Primitives
import Testing
import Transport
import X402

@testable import farebox

@Suite("What an answer says of the payment")
struct PaidAnswerTests {
    private func receipt(success: Bool, reason: String? = nil, transaction: String = "0xabc") -> String {
        let error = reason.map { #","errorReason":"\#($0)""# } ?? ""
        let json = #"{"success":\#(success),"transaction":"\#(transaction)","network":"eip155:84532"\#(error)}"#
        return Base64.encode(Array(json.utf8))
    }

    private func answer(
        _ status: Int, _ headers: [(name: String, value: String)] = [], body: String = ""
    ) -> PaidAnswer {
        PaidAnswer(OutgoingResponse(status: status, headers: headers, body: Array(body.utf8)))
    }

    @Test(
        "an answer below 400 is delivered, with the receipt of either name",
        arguments: ["PAYMENT-RESPONSE", "x-payment-response"])
    func delivered(name: String) {
        guard case .delivered(let receipt?) = answer(200, [(name, receipt(success: true))]) else {
            Issue.record("not delivered with a receipt")
            return
        }
        #expect(receipt.transaction == "0xabc")
    }

    @Test("an unreadable receipt is none")
    func noReceipt() {
        #expect(answer(200, [("PAYMENT-RESPONSE", "?")]) == .delivered(nil))
        #expect(answer(204) == .delivered(nil))
    }

    @Test("a pending settlement is told by receipt or body, and is no refusal")
    func pending() {
        let failed = receipt(success: false, reason: "settlement_pending")
        #expect(
            answer(402, [("PAYMENT-RESPONSE", failed)])
                == .pending(transaction: "0xabc"))
        #expect(
            answer(402, body: #"{"error":"settlement_pending","transaction":"0xdef"}"#)
                == .pending(transaction: "0xdef"))
        #expect(
            answer(409, body: #"{"error":"payment_in_flight","transaction":""}"#)
                == .pending(transaction: nil))
    }

    @Test("a 402 is a refusal with the best reason that it gives")
    func refused() {
        let failed = receipt(success: false, reason: "insufficient_funds", transaction: "")
        #expect(answer(402, [("PAYMENT-RESPONSE", failed)]) == .refused(reason: "insufficient_funds"))
        #expect(answer(402, body: #"{"error":"payment_already_used"}"#) == .refused(reason: "payment_already_used"))
        #expect(answer(402) == .refused(reason: "no reason given"))
    }

    @Test("an error with a good receipt is undelivered, and keeps the grant")
    func undelivered() {
        let headers = [
            (name: "PAYMENT-RESPONSE", value: receipt(success: true)), (name: "Payment-Grant", value: "t0k"),
        ]
        guard case .undelivered(let receipt, let grant) = answer(502, headers) else {
            Issue.record("not undelivered")
            return
        }
        #expect(receipt.success)
        #expect(grant == "t0k")
    }

    @Test("an error without a receipt says nothing of the payment", arguments: [400, 404, 409, 500, 502, 503])
    func failed(status: Int) {
        #expect(answer(status, body: #"{"error":"out of order"}"#) == .failed)
    }
}

@Suite("A request as curl spells it")
struct PayRequestTests {
    @Test("a bare host is http, and the method follows from the body")
    func request() throws {
        let get = try PayRequest(url: "127.0.0.1:8402/x?y=1", method: nil, headerLines: ["A: b:c", "E:"], data: nil)
        #expect(get.method == "GET")
        #expect(get.url.scheme == .http)
        #expect(get.url.target == "/x?y=1")
        #expect(get.headers.map(\.name) == ["A", "E"])
        #expect(get.headers.map(\.value) == ["b:c", ""])
        let post = try PayRequest(url: "https://h", method: nil, headerLines: [], data: Array("a".utf8))
        #expect(post.method == "POST")
        #expect(post.headers.map(\.value) == ["application/x-www-form-urlencoded"])
        let typed = try PayRequest(url: "https://h", method: "PUT", headerLines: ["Content-Type: text/x"], data: [])
        #expect(typed.method == "PUT")
        #expect(typed.headers.map(\.value) == ["text/x"])
    }

    @Test(
        "what cannot be sent is refused",
        arguments: [("ftp://h/", "A: b"), ("http://u@h/", "A: b"), ("h", "no colon"), ("h", ": v")])
    func mistakes(url: String, header: String) {
        #expect(throws: PayRequest.Mistake.self) {
            try PayRequest(url: url, method: nil, headerLines: [header], data: nil)
        }
    }
}

@Suite("Text of strangers")
struct SafeTextTests {
    @Test("control characters never reach a terminal")
    func control() {
        #expect("a\u{1B}[31mb\r\n\u{7}\u{202E}c".shown() == "a?[31mb????c")
        #expect("grüße".shown() == "grüße")
        #expect("abcdef".shown(limit: 3) == "abc…")
    }
}
