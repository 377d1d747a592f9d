import Foundation
import Primitives
import Testing
import X402

@Suite("Receipts")
struct ReceiptTests {
    @Test("the official SDK's receipts read as what they say", arguments: PaymentVector.transfers)
    func readsVectors(vector: PaymentVector) throws {
        let receipt = try Receipt.parse(header: try #require(vector.v2["PAYMENT-RESPONSE"]))
        let json = try #require(vector.v2["settleResponseJson"])
        #expect(try Array(json.utf8).withUnsafeBytes { try Receipt.parse(json: $0) } == receipt)
        #expect(receipt.success && receipt.network == vector.network && receipt.payer == vector.message.from)
        #expect(receipt.transaction.count == 66)
        if let v1 = vector.v1?["X-PAYMENT-RESPONSE"] { #expect(try Receipt.parse(header: v1) == receipt) }
    }

    @Test("the specification's receipts read as what they say")
    func readsSpecification() throws {
        let vector = PaymentVector.specification
        let success = Receipt(
            success: true, transaction: "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
            network: Network(chainID: 84532), payer: vector.message.from)
        let failure = Receipt(
            success: false, transaction: "", network: Network(chainID: 84532), payer: vector.message.from,
            reason: .insufficientFunds)
        #expect(try Receipt.parse(header: try #require(vector.v2["PAYMENT-RESPONSE"])) == success)
        #expect(try Receipt.parse(header: try #require(vector.v2["PAYMENT-RESPONSE-failed"])) == failure)
        #expect(try Receipt.parse(header: try #require(vector.v1?["X-PAYMENT-RESPONSE"])) == success)
    }

    private static let receipts = [
        Receipt(success: true, transaction: "0xabc", network: Network(chainID: 84532), payer: "0xdef"),
        Receipt(
            success: false, transaction: "", network: Network(chainID: 84532), reason: .transactionFailed,
            message: "reverted: \"x\" é😀\n"),
        Receipt(
            success: true, transaction: "", network: Network(chainID: 84532), amount: .max,
            extra: [JSONMember("settlement", .string("queued")), JSONMember("payment", .string("abc"))]),
    ]

    @Test("a header line decodes as another reader's JSON and as ours", arguments: receipts)
    func writesLines(receipt: Receipt) throws {
        for (form, name, network) in [
            (PaymentForm.v2, "PAYMENT-RESPONSE", "eip155:84532"), (.v1, "X-PAYMENT-RESPONSE", "base-sepolia"),
            (.plain, "X-PAYMENT-RESPONSE", "eip155:84532"),
        ] {
            let line = String(decoding: receipt.headerLine(form: form), as: UTF8.self)
            #expect(line.hasPrefix(name + ": ") && line.hasSuffix("\r\n"))
            let value = String(line.dropFirst(name.count + 2).dropLast(1))
            #expect(try Receipt.parse(header: value) == receipt)
            let data = try #require(Data(base64Encoded: value))
            #expect(data.allSatisfy { (0x20..<0x7F).contains($0) })
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(object["success"] as? Bool == receipt.success)
            #expect(object["transaction"] as? String == receipt.transaction)
            #expect(object["network"] as? String == network)
            #expect(object["payer"] as? String == receipt.payer)
            #expect(object["errorReason"] as? String == receipt.reason?.rawValue)
            #expect(object["errorMessage"] as? String == receipt.message)
            #expect(object["amount"] as? String == receipt.amount?.description)
            #expect((object["extra"] as? [String: Any])?.count ?? 0 == receipt.extra.count)
            #expect(!object.values.contains { $0 is NSNull })
            #expect(receipt.encoded(form: form) == Array(data))
        }
    }

    @Test("the line fits its bound when every byte must be escaped")
    func holdsBound() {
        let wide = String(repeating: "\u{1}", count: 500)
        let receipt = Receipt(
            success: true, transaction: wide, network: Network(chainID: .max), payer: wide,
            reason: ReasonCode(rawValue: wide), message: wide, amount: .max, extra: [JSONMember(wide, .string(wide))])
        #expect(receipt.headerLine(form: .v1).count <= receipt.headerLineBound(form: .v1))
    }

    @Test(
        "a receipt that is none is refused",
        arguments: [
            "", "{}", "[]", "null", "true", #"{"success":true}"#, #"{"success":true,"transaction":"0x"}"#,
            #"{"success":"true","transaction":"0x","network":"eip155:1"}"#,
            #"{"success":1,"transaction":"0x","network":"eip155:1"}"#,
            #"{"transaction":"0x","network":"eip155:1"}"#, #"{"success":true,"network":"eip155:1"}"#,
            #"{"success":true,"transaction":null,"network":"eip155:1"}"#,
            #"{"success":true,"transaction":5,"network":"eip155:1"}"#,
            #"{"success":true,"transaction":"0x","network":"mars"}"#,
            #"{"success":true,"transaction":"0x","network":84532}"#,
            #"{"success":true,"transaction":"0x","network":"eip155:1","payer":7}"#,
            #"{"success":true,"transaction":"0x","network":"eip155:1","amount":7}"#,
            #"{"success":true,"transaction":"0x","network":"eip155:1","amount":"07"}"#,
            #"{"success":true,"success":false,"transaction":"0x","network":"eip155:1"}"#,
            #"{"success":true,"transaction":"0x","network":"eip155:1"}{"#,
        ])
    func refuses(json: String) {
        #expect(throws: WireError.self) { try Receipt.parse(header: base64(json)) }
        let fallback = Network(chainID: 1)
        #expect(throws: WireError.self) { try Receipt.parse(header: base64(json), fallback: fallback) }
        #expect(throws: WireError.self) { try Receipt.parse(header: json + " ") }
    }

    @Test("a failure may leave out what it has not")
    func readsBareFailure() throws {
        let network = Network(chainID: 1)
        for json in [#"{"success":false}"#, #"{"success":false,"transaction":"","network":"","errorReason":null}"#] {
            let receipt = try Receipt.parse(header: base64(json), fallback: network)
            #expect(receipt == Receipt(success: false, transaction: "", network: network))
            #expect(throws: WireError.self) { try Receipt.parse(header: base64(json)) }
        }
    }

    @Test("what another server says is cut and cleaned before it is passed on")
    func cleansReasons() throws {
        let long = String(repeating: "é", count: 1000)
        let json =
            #"{"success":false,"transaction":"","network":"eip155:1","errorReason":"a\r\nb\#(long)","errorMessage":"\#(long)"}"#
        let receipt = try Receipt.parse(header: base64(json))
        let reason = try #require(receipt.reason)
        #expect(reason.rawValue.hasPrefix("a??b") && reason.rawValue.utf8.count == ReasonCode.maxBytes)
        #expect(reason.rawValue.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(receipt.message == String(repeating: "é", count: Receipt.maxMessageBytes / 2))
    }
}
