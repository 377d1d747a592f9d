import Pricing
import Testing

@Suite("The messages of a price service")
struct PriceServiceMessageTests {
    @Test("ask the same for the same request, and tell nothing that was not named")
    func question() {
        let question = PriceServiceMessage.Question(
            route: "GET /a/:b", method: "GET", host: "h", path: "/a/\"",
            fields: [
                (.header("x-tier"), .text("gold")), (.query("n"), .absent), (.body(["a", "0"]), .number("1.50")),
                (.body(["b"]), .bool(true)), (.body(["c"]), .doubtful(.repeated)),
            ])
        #expect(
            String(decoding: question.text, as: UTF8.self)
                == #"{"route":"GET /a/:b","method":"GET","host":"h","path":"/a/\"","fields":"#
                + #"{"header.x-tier":"gold","query.n":null,"body.a.0":1.50,"body.b":true,"body.c":null}}"#)
        #expect(question.text == question.text)
    }

    @Test(
        "are read where they are exactly an answer",
        arguments: [
            (#"{"price":"$0.02"}"#, "$0.02", false, nil), (#" {"cost": "$0.020"} "#, "$0.020", true, nil),
            (#"{"price":"7 usdc@base, $1"}"#, "$1, 7 usdc@base", false, nil),
            (#"{"price":"free"}"#, "free", false, nil),
            (#"{"valid_for":0,"price":"$1","reason":"quiet"}"#, "$1", false, 0),
            (#"{"price":"$1","valid_for":86400}"#, "$1", false, 86_400),
        ] as [(String, String, Bool, Int64?)])
    func answers(text: String, price: String, isCost: Bool, seconds: Int64?) throws {
        let told = try #require(PriceServiceMessage.answer(Array(text.utf8)))
        #expect(told.price.description == price && told.price.isCost == isCost && told.seconds == seconds)
    }

    @Test(
        "are refused where they are anything else",
        arguments: [
            "", "{}", "null", "\"$1\"", "[\"$1\"]", "$1", #"{"price":1}"#, #"{"price":0.02}"#, #"{"price":"0.02"}"#,
            #"{"price":"-$1"}"#, #"{"price":"$-1"}"#, #"{"price":"$0"}"#, #"{"price":"$1e3"}"#, #"{"price":"$1,000"}"#,
            #"{"price":null}"#, #"{"price":"$1","price":"$2"}"#, #"{"price":"$1","cost":"$1"}"#,
            #"{"price":"1.5 usdc@base"}"#, #"{"price":"$1","note":"x"}"#, #"{"price":"$1","valid_for":-1}"#,
            #"{"price":"$1","valid_for":1.5}"#, #"{"price":"$1","valid_for":86401}"#,
            #"{"price":"$1","valid_for":"1s"}"#,
            #"{"price":"$1","valid_for":1e2}"#, #"{"price":"$1","reason":7}"#, #"{"price":"$1"} {"price":"$1"}"#,
            #"{"price":"$0.0000000000000000001"}"#, #"{"price":{"usd":"$1"}}"#,
            #"{"price":""# + "$" + String(repeating: "9", count: 90) + #""}"#,
            #"{"price":"$1","reason":""# + String(repeating: "x", count: 201) + #""}"#,
            #"{"price":"$1"}"# + String(repeating: " ", count: 4096),
        ])
    func refusals(text: String) {
        #expect(PriceServiceMessage.answer(Array(text.utf8)) == nil)
    }
}
