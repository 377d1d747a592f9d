import Primitives
import Testing
import X402

/// A version 2 payment with pieces replaced.
private func payment(
    version: String = "2", authorization: String? = nil, signature: String? = nil, accepted: String? = nil,
    more: String = ""
) -> String {
    #"{"x402Version":\#(version),"accepted":\#(accepted ?? goodAccepted),"payload":{"signature":\#(signature ?? goodSignature),"#
        + #""authorization":\#(authorization ?? good)}\#(more)}"#
}

private let address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
private let nonce = "0x" + String(repeating: "5a", count: 32)
private let goodSignature = "\"0x" + String(repeating: "ab", count: 65) + "\""
private let fields = [
    "from": "\"\(address)\"", "to": "\"\(address)\"", "value": "\"10000\"", "validAfter": "\"0\"",
    "validBefore": "\"1893456000\"", "nonce": "\"\(nonce)\"",
]
private let good = object(fields)
private let acceptedFields = [
    "scheme": "\"exact\"", "network": "\"eip155:84532\"", "amount": "\"10000\"", "asset": "\"\(address)\"",
    "payTo": "\"\(address)\"", "maxTimeoutSeconds": "60", "extra": #"{"name":"USDC","version":"2"}"#,
]
private let goodAccepted = object(acceptedFields)

private func object(_ fields: [String: String]) -> String {
    "{" + fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
}

private func with(_ fields: [String: String], _ key: String, _ value: String?) -> String {
    var fields = fields
    fields[key] = value
    return object(fields)
}

private func isPayment(_ text: String) -> Bool {
    if case .payment = read(text) { true } else { false }
}

@Suite("What is no payment is refused")
struct PaymentRefusalTests {
    @Test("the payment that the tables change is read")
    func readsUnchanged() {
        #expect(isPayment(payment()))
        #expect(isPayment(object(["signature": goodSignature, "authorization": good])))
    }

    @Test(
        "numbers are decimal strings of at most 256 bits",
        arguments: [
            #""00""#, #""01""#, #""+1""#, #""-1""#, #"" 1""#, #""1 ""#, #""1_0""#, #""0x10""#, #""1e3""#, #""1.0""#,
            #""""#,
            "10000", "1e4", "null", "true", "[]", "{}", "\"１\"",
            "\"115792089237316195423570985008687907853269984665640564039457584007913129639936\"",
            "\"1157920892373161954235709850086879078532699846656405640394575840079131296399350\"",
        ], ["value", "validAfter", "validBefore"])
    func refusesNumbers(value: String, key: String) {
        #expect(read(payment(authorization: with(fields, key, value))) == .undecodable(.invalidPayload))
        #expect(read(payment(accepted: with(acceptedFields, "amount", value))) == .undecodable(.invalidPayload))
    }

    @Test("the largest 256-bit number is a number")
    func readsLargest() throws {
        let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
        guard case .payment(let payment) = read(payment(authorization: with(fields, "value", "\"\(largest)\""))),
            case .transfer(let transfer) = payment.payload
        else {
            Issue.record("not read")
            return
        }
        #expect(transfer.value == UInt256.max)
    }

    @Test(
        "addresses are 0x and 40 digits",
        arguments: [
            "70997970C51812dc3A010C7d01b50e0d17dc79C8", "0X70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C", "0x70997970C51812dc3A010C7d01b50e0d17dc79C80",
            "0x70997970C51812dc3A010C7d01b50e0d17dc79Cg", "", "0x", " \(address)",
        ], ["from", "to"])
    func refusesAddresses(value: String, key: String) {
        #expect(read(payment(authorization: with(fields, key, "\"\(value)\""))) == .undecodable(.invalidPayload))
    }

    @Test("addresses of any case are the same")
    func readsAnyCase() {
        let lower = payment(authorization: with(fields, "from", "\"\(address.lowercased())\""))
        let upper = payment(authorization: with(fields, "from", "\"0x\(address.dropFirst(2).uppercased())\""))
        #expect(read(lower) == read(payment()))
        #expect(read(upper) == read(payment()))
    }

    @Test(
        "the nonce is 0x and 64 digits",
        arguments: [
            "0x", String(nonce.dropLast()), nonce + "0", String(nonce.dropFirst(2)), nonce.dropLast() + "g", "1",
        ])
    func refusesNonces(value: String) {
        #expect(read(payment(authorization: with(fields, "nonce", "\"\(value)\""))) == .undecodable(.invalidPayload))
    }

    @Test("the signature is 0x and an even number of digits up to 2 KiB")
    func readsSignatures() throws {
        for count in [0, 1, 64, 66, 128, 2048] {
            let text = payment(signature: "\"0x\(String(repeating: "Ab", count: count))\"")
            guard case .payment(let payment) = read(text), case .transfer(let transfer) = payment.payload else {
                Issue.record("\(count) bytes were not read")
                continue
            }
            #expect(transfer.signature == .bytes([UInt8](repeating: 0xAB, count: count)))
        }
        let long = String(repeating: "ab", count: 2049)
        for value in ["\"\"", "\"0\"", "\"0xa\"", "\"0xag\"", "\"ab\"", "\"0x\(long)\"", "null", "1"] {
            #expect(read(payment(signature: value)) == .undecodable(.invalidPayload), "\(value.prefix(20))")
        }
    }

    @Test("every field of an authorization is needed", arguments: fields.keys.sorted())
    func refusesMissingFields(key: String) {
        #expect(read(payment(authorization: with(fields, key, nil))) == .undecodable(.invalidPayload))
    }

    @Test("what version 2 demands of accepted is needed", arguments: ["scheme", "network", "amount", "asset", "payTo"])
    func refusesMissingAccepted(key: String) {
        #expect(read(payment(accepted: with(acceptedFields, key, nil))) == .undecodable(.invalidPayload))
        #expect(read(payment(accepted: with(acceptedFields, key, "null"))) == .undecodable(.invalidPayload))
        #expect(read(payment(accepted: with(acceptedFields, key, "1"))) == .undecodable(.invalidPayload))
    }

    @Test("what clients leave out or add in accepted is no reason to refuse")
    func readsTolerantly() {
        for (key, value) in [
            ("maxTimeoutSeconds", nil), ("maxTimeoutSeconds", "\"60\""), ("maxTimeoutSeconds", "1.5"), ("extra", nil),
            ("extra", "null"), ("extra", "{}"), ("more", #"{"a":[1,{"b":null}]}"#),
        ] as [(String, String?)] {
            #expect(isPayment(payment(accepted: with(acceptedFields, key, value))), "\(key) \(value ?? "absent")")
        }
        #expect(!isPayment(payment(accepted: with(acceptedFields, "extra", "[]"))))
    }

    @Test(
        "a network that is none is refused as such",
        arguments: ["base", "eip155", "eip155:", "eip155:0", "eip155:08453", "eip155:0x1", "EIP155:1", "eip155:1 ", ""])
    func refusesNetworks(name: String) {
        let text = payment(accepted: with(acceptedFields, "network", "\"\(name)\""))
        #expect(read(text) == .undecodable(.invalidNetwork))
    }

    @Test(
        "unknown and contested version 1 networks are refused", arguments: ["story", "arbitrum", "eip155:8453", "Base"])
    func refusesVersion1Networks(name: String) {
        let text = object([
            "x402Version": "1", "scheme": "\"exact\"", "network": "\"\(name)\"",
            "payload": object(["signature": goodSignature, "authorization": good]),
        ])
        #expect(read(text) == .undecodable(.invalidNetwork))
    }

    @Test(
        "another version of a known shape is told apart from nonsense",
        arguments: ["3", "0", "2.0", "2e0", "\"2\"", "null", "20", "99999999999999999999999"])
    func refusesVersions(version: String) {
        #expect(read(payment(version: version)) == .undecodable(.invalidVersion))
        #expect(read(#"{"x402Version":\#(version)}"#) == .undecodable(.invalidPayload))
    }

    @Test(
        "a name twice is refused at every level, escaped or not",
        arguments: [
            payment(more: #","x402Version":2"#), payment(more: #","\u00782402Version":2,"accepte\u0064":{}"#),
            payment(more: #","\u0061ccepted":\#(goodAccepted)"#), payment(more: #","z":1,"z":2"#),
            payment(more: #","z":{"y":1,"\u0079":2}"#), payment(more: #","z":[[{"y":1,"y":2}]]"#),
            payment(authorization: good.dropLast() + #","to":"\#(address)"}"#),
            payment(authorization: good.dropLast() + #","t\u006f":"\#(address)"}"#),
            payment(authorization: good.dropLast() + #","q":1,"q":1}"#),
            payment(accepted: goodAccepted.dropLast() + #","amount":"1"}"#),
            payment(accepted: with(acceptedFields, "extra", #"{"name":"USDC","n\u0061me":"USDC"}"#)),
            payment(accepted: with(acceptedFields, "extra", #"{"k":1,"k":1}"#)),
            payment(accepted: with(acceptedFields, "extra", #"{"o":{"k":1,"k":1}}"#)),
            object(["signature": goodSignature, "authorization": good]).dropLast() + #","signature":"0x"}"#,
        ])
    func refusesDuplicates(text: String) {
        #expect(read(text) == .undecodable(.invalidPayload))
        #expect(read(base64(text)) == .undecodable(.invalidPayload))
    }

    @Test("an escaped name is the name")
    func readsEscapedNames() {
        let text = payment().replacing("accepted", with: #"\u0061ccepted"#).replacing("nonce", with: #"n\u006Fnce"#)
        #expect(read(text) == read(payment()))
        #expect(read(payment().replacing(address, with: address.replacing("0x", with: #"\u0030x"#))) == read(payment()))
        #expect(!isPayment(payment().replacing("accepted", with: #"accepted\u0000"#)))
    }

    @Test(
        "broken JSON is refused",
        arguments: [
            "{", "{}", "[]", "{}}", "null", "\"a\"", "42", "{\"x402Version\":2", payment() + "x", payment() + "{}",
            payment().replacing("10000", with: "1\u{0}"), payment(more: ",\"z\":\"\u{1}\""),
            payment(more: #","z":"\ud800""#),
            payment(more: #","z":01"#), payment(more: ","), payment(more: #","z":tru"#), payment(more: #" "z":1"#),
            payment(more: #","z":"# + String(repeating: "[", count: 16) + String(repeating: "]", count: 16)),
            payment(more: #","z":"# + String(repeating: "[", count: 8000)),
            payment(more: (0..<257).map { #","k\#($0)":0"# }.joined()),
        ])
    func refusesBrokenJSON(text: String) {
        #expect(read(text) == .undecodable(.invalidPayload))
        #expect(read(base64(text)) == .undecodable(.invalidPayload))
    }

    @Test("unknown fields are skipped up to the limits")
    func skipsUnknownFields() {
        let deep = String(repeating: "[", count: 15) + String(repeating: "]", count: 15)
        let many = (0..<256).map { #","k\#($0)":0"# }.joined()
        for more in [
            #","z":\#(deep)"#, many, #","resource":null,"extensions":null"#, #","resource":{"url":"x","é":"é😀\n"}"#,
            #","value":5,"from":{},"v":[1],"chain":1"#,
        ] { #expect(read(payment(more: more)) == read(payment()), "\(more.prefix(40))") }
    }

    @Test(
        "base64 that is none is refused",
        arguments: ["e30", "e30=", "e3x9", "!!!!", "e30==", "e\n30=", "e30=,e30=", "ew0K-/==", "e", "=", "é"])
    func refusesBase64(text: String) {
        #expect(read(text) == .undecodable(.invalidPayload))
    }

    @Test("every prefix of a payment is refused")
    func refusesPrefixes() {
        let text = Array(payment(more: #","z":["\u00e9",-1.5e3,true,null]"#).utf8)
        for count in 1..<text.count {
            let reading = Array(text[..<count]).withUnsafeBytes { Payment.parse(json: $0) }
            #expect(reading == .undecodable(.invalidPayload), "\(count) bytes")
        }
    }
}
