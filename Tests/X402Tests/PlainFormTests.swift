import Primitives
import Testing
import X402

@Suite("The plain form")
struct PlainFormTests {
    private let vector = PaymentVector.transfers[0]

    private var authorization: [JSONMember] {
        [
            JSONMember("from", .string(vector.message.from)), JSONMember("to", .string(vector.message.to)),
            JSONMember("value", .string(vector.message.value)),
            JSONMember("validAfter", .string(vector.message.validAfter)),
            JSONMember("validBefore", .string(vector.message.validBefore)),
            JSONMember("nonce", .string(vector.message.nonce)),
        ]
    }

    private var signature: JSONMember { JSONMember("signature", .string(vector.signature)) }

    private func text(_ members: [JSONMember]) -> String {
        String(decoding: JSONValue.object(members).encoded(), as: UTF8.self)
    }

    private func parts(_ v: JSONValue) -> [JSONMember] {
        let digits = vector.signature.dropFirst(2)
        return [
            JSONMember("r", .string("0x" + digits.prefix(64))),
            JSONMember("s", .string("0x" + digits.dropFirst(64).prefix(64))), JSONMember("v", v),
        ]
    }

    @Test("the authorization may stand bare or in an object of its own")
    func readsBothPlaces() throws {
        let expected = PaymentReading.payment(try vector.payment(.plain))
        #expect(read(text(authorization + [signature])) == expected)
        #expect(read(text([signature, JSONMember("authorization", .object(authorization))])) == expected)
        #expect(read(base64(text([signature] + authorization))) == expected)
    }

    @Test(
        "a signature in parts is the whole one",
        arguments: [JSONValue.number("27"), .string("27"), .number("28"), .string("28"), .number("0"), .string("1")])
    func readsParts(v: JSONValue) throws {
        var expected = try vector.payment(.plain)
        guard case .transfer(var transfer) = expected.payload, case .rsv(let r, let s, _) = transfer.signature else {
            return
        }
        let digits =
            switch v {
            case .number(let text), .string(let text): text
            default: ""
            }
        transfer.signature = .rsv(r: r, s: s, v: try #require(UInt8(digits)))
        expected.payload = .transfer(transfer)
        #expect(read(text(authorization + parts(v))) == .payment(expected))
        #expect(read(text(parts(v) + [JSONMember("authorization", .object(authorization))])) == .payment(expected))
    }

    @Test(
        "parts of a signature that are none are refused",
        arguments: [
            JSONValue.number("2"), .number("26"), .number("29"), .number("27.0"), .number("-27"), .string("0x1b"),
            .string(""), .null, .bool(true), .number("283"),
        ])
    func refusesParts(v: JSONValue) {
        #expect(read(text(authorization + parts(v))) == .undecodable(.invalidPayload))
    }

    @Test("two signatures, half a signature and none are refused")
    func refusesSignatures() {
        let whole = parts(.number("27"))
        for members in [whole + [signature], Array(whole.dropLast()), Array(whole.dropFirst()), []] {
            #expect(read(text(authorization + members)) == .undecodable(.invalidPayload))
        }
    }

    @Test("fields both bare and in an object are refused")
    func refusesTwoAuthorizations() {
        let nested = JSONMember("authorization", .object(authorization))
        #expect(read(text([signature, nested] + authorization)) == .undecodable(.invalidPayload))
        #expect(read(text([signature, nested, authorization[0]])) == .undecodable(.invalidPayload))
        #expect(read(text([signature, JSONMember("authorization", .null)])) == .undecodable(.invalidPayload))
    }

    @Test("chain and asset are read when they are there")
    func readsChainAndAsset() throws {
        var expected = try vector.payment(.plain)
        expected.network = vector.network
        expected.asset = Account(vector.domain.verifyingContract)
        let named = [
            JSONMember("chain", .string("eip155:84532")),
            JSONMember("asset", .string(vector.domain.verifyingContract.lowercased())),
        ]
        #expect(read(text(authorization + [signature] + named)) == .payment(expected))
    }

    @Test("a chain or an asset that is none is refused, not ignored")
    func refusesChainAndAsset() {
        for value in [JSONValue.null, .number("84532"), .string("base-sepolia"), .string("")] {
            let reading = read(text(authorization + [signature, JSONMember("chain", value)]))
            #expect(reading == .undecodable(.invalidNetwork))
        }
        #expect(read(text(authorization + [signature, JSONMember("asset", .null)])) == .undecodable(.invalidPayload))
    }
}
