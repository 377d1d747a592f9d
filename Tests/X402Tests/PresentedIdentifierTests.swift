import Testing
import X402

@Suite("Ids of clients in payments")
struct PresentedIdentifierTests {
    static let id = "pay_7d5d747be160e280"

    static func identifier(_ extensions: String) throws -> PresentedIdentifier? {
        let payment = try PaymentVector.specification.payment(.v2).json.encoded()
        let text = String(decoding: payment.dropLast(), as: UTF8.self) + #","extensions":\#(extensions)}"#
        guard case .payment(let payment) = read(text) else { return nil }
        return payment.identifier
    }

    @Test(
        "are 16 to 128 letters, digits, hyphens and underscores",
        arguments: [
            (id, true), (String(repeating: "a", count: 15), false), (String(repeating: "a", count: 16), true),
            (String(repeating: "Z", count: 128), true), (String(repeating: "a", count: 129), false),
            ("pay-7D5D_747be160e280", true), ("pay 7d5d747be160e280", false), ("pay.7d5d747be160e280", false),
            ("päy_7d5d747be160e280", false), ("", false), (#"pay_7d5d747be160\u0000"#, false),
        ])
    func form(text: String, isGood: Bool) throws {
        let read = try Self.identifier(
            #"{"payment-identifier":{"info":{"required":true,"id":"\#(text)"},"schema":{}}}"#)
        #expect(read == (isGood ? .id(text) : .malformed))
    }

    @Test(
        "are read from their own extension only",
        arguments: [
            ("{}", PresentedIdentifier.none), ("null", .none), ("[1]", .none),
            (#"{"bazaar":{"info":{"id":"pay_7d5d747be160e280"}}}"#, .none),
            (#"{"payment-identifier":null}"#, .none), (#"{"payment-identifier":{"info":{"required":false}}}"#, .none),
            (#"{"payment-identifier":{"info":{"id":null}}}"#, .none),
            (#"{"payment-identifier":{"info":{"id":1}}}"#, .malformed), (#"{"payment-identifier":{}}"#, .malformed),
            (#"{"payment-identifier":"pay_7d5d747be160e280"}"#, .malformed),
            (#"{"x":[{}],"payment-identifier":{"info":{"id":"pay_7d5d747be160e280"}}}"#, .id(id)),
        ])
    func places(extensions: String, expected: PresentedIdentifier) throws {
        #expect(try Self.identifier(extensions) == expected)
    }

    @Test("that are there twice make no payment")
    func twice() throws {
        let one = #""payment-identifier":{"info":{"id":"pay_7d5d747be160e280"}}"#
        #expect(try Self.identifier("{\(one),\(one)}") == nil)
        #expect(try Self.identifier(#"{"payment-identifier":{"info":{"id":"a","id":"b"}}}"#) == nil)
    }

    @Test("are declared with what a client must give")
    func declaration() {
        let member = PresentedIdentifier.declaration(isRequired: true)
        #expect(member.key == "payment-identifier" && member.value["info"]?["required"] == .bool(true))
        #expect(member.value["schema"]?["properties"]?["id"]?["minLength"] == .number("16"))
    }
}
