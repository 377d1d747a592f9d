import Foundation
import Primitives
import Testing
import X402

@Suite("Payments are read from headers")
struct PaymentReaderTests {
    @Test("a version 2 header of the official SDK reads as what was signed", arguments: PaymentVector.transfers)
    func readsVersion2(vector: PaymentVector) throws {
        let header = try #require(vector.v2["PAYMENT-SIGNATURE"])
        let json = try #require(vector.v2["paymentPayloadJson"])
        let expected = PaymentReading.payment(try vector.payment(.v2))
        #expect(read(header) == expected)
        #expect(read(json) == expected)
        #expect(read(base64(json)) == expected)
        #expect(Array(json.utf8).withUnsafeBytes { Payment.parse(json: $0) } == expected)
    }

    @Test("a version 1 header of the official SDK reads as what was signed", arguments: PaymentVector.transfers)
    func readsVersion1(vector: PaymentVector) throws {
        guard let v1 = vector.v1 else { return }
        let expected = PaymentReading.payment(try vector.payment(.v1))
        #expect(read(try #require(v1["X-PAYMENT"])) == expected)
        #expect(read(try #require(v1["paymentPayloadJson"])) == expected)
    }

    @Test("the specification's own examples read as what was signed")
    func readsSpecification() throws {
        let vector = PaymentVector.specification
        let v2 = try vector.payment(.v2)
        #expect(read(try #require(vector.v2["PAYMENT-SIGNATURE"])) == .payment(v2))
        #expect(read(try #require(vector.v1?["X-PAYMENT"])) == .payment(try vector.payment(.v1)))
    }

    @Test("base64 is taken in either alphabet, padded or not, with space around it", arguments: PaymentVector.transfers)
    func readsBase64Variants(vector: PaymentVector) throws {
        let header = try #require(vector.v2["PAYMENT-SIGNATURE"])
        let url = header.replacing("+", with: "-").replacing("/", with: "_")
        let expected = read(header)
        for text in [header, url] {
            let bare = String(text.prefix { $0 != "=" })
            for variant in [text, bare, " \t\(text) ", "\t\(bare)\t"] { #expect(read(variant) == expected) }
        }
    }

    @Test(
        "lengths that need padding are taken without it, in both alphabets", arguments: 0..<6)
    func readsEveryPadding(spaces: Int) throws {
        let json = try #require(PaymentVector.transfers[4].v2["paymentPayloadJson"])
        let text = base64(json + String(repeating: " ", count: spaces))
        let bare = text.replacing("=", with: "")
        let expected = read(json)
        #expect(read(text) == expected)
        #expect(read(bare) == expected)
        #expect(read(bare.replacing("+", with: "-").replacing("/", with: "_")) == expected)
    }

    @Test("order, white space and escapes change nothing", arguments: PaymentVector.transfers)
    func ignoresSpelling(vector: PaymentVector) throws {
        for json in [vector.v2["paymentPayloadJson"], vector.v1?["paymentPayloadJson"]].compactMap({ $0 }) {
            let value = try JSONValue.parse(Array(json.utf8))
            let expected = read(json)
            for seed in 0..<100 as Range<UInt64> {
                var scrambler = JSONScrambler(seed: seed)
                let text = scrambler.text(value)
                #expect(read(text) == expected, "seed \(seed): \(text)")
                #expect(read(base64(text)) == expected, "seed \(seed)")
            }
        }
    }

    @Test("what we write reads as the same payment", arguments: PaymentVector.transfers)
    func readsOwnWriting(vector: PaymentVector) throws {
        for form in [PaymentForm.v1, .v2, .plain] where form != .v1 || vector.v1 != nil {
            var payment = try vector.payment(form)
            #expect(read(payment.headerValue()) == .payment(payment))
            guard form == .plain else { continue }
            payment.network = vector.network
            payment.asset = Account(vector.domain.verifyingContract)
            #expect(read(payment.headerValue()) == .payment(payment))
        }
    }

    @Test("one reader reads header after header")
    func readsManyInTurn() throws {
        var reader = PaymentReader()
        for _ in 0..<3 {
            for vector in PaymentVector.transfers {
                let header = Array(try #require(vector.v2["PAYMENT-SIGNATURE"]).utf8)
                guard case .payment(let payment) = header.withUnsafeBytes({ reader.read($0) }) else {
                    Issue.record("\(vector.name) was not read")
                    return
                }
                #expect(payment.payload == .transfer(try vector.transfer()))
                #expect(Array("{\"".utf8).withUnsafeBytes { reader.read($0) } == .undecodable(.invalidPayload))
            }
        }
    }

    @Test("no header and an empty header are no payment", arguments: ["", " ", "\t \t"])
    func readsNothing(text: String) {
        #expect(read(text) == .none)
        #expect(read(paymentSignature: nil, xPayment: nil) == .none)
        #expect(read(paymentSignature: text, xPayment: nil) == .none)
    }

    @Test("a header ends at its limit")
    func limitsLength() throws {
        let json = try #require(PaymentVector.transfers[0].v2["paymentPayloadJson"])
        let limit = PaymentReader.maxHeaderBytes
        let filled = String(json.dropLast()) + String(repeating: " ", count: limit - json.utf8.count) + "}"
        #expect(filled.utf8.count == limit)
        #expect(read(filled) == read(json))
        #expect(read(String(filled.dropLast()) + " }") == .undecodable(.invalidPayload))
        #expect(read(String(repeating: "A", count: limit + 1)) == .undecodable(.invalidPayload))
    }
}

@Suite("Both payment headers of a request")
struct PaymentHeadersTests {
    private let vector = PaymentVector.transfers[0]

    @Test("the content decides the form, not the header's name")
    func classifiesByContent() throws {
        let v2 = try #require(vector.v2["PAYMENT-SIGNATURE"])
        let v1 = try #require(vector.v1?["X-PAYMENT"])
        #expect(read(paymentSignature: nil, xPayment: v2) == read(v2))
        #expect(read(paymentSignature: v1, xPayment: nil) == read(v1))
        #expect(read(paymentSignature: v1, xPayment: "") == read(v1))
    }

    @Test("one payment in two forms is the version 2 payment")
    func prefersVersion2() throws {
        let v2 = try #require(vector.v2["PAYMENT-SIGNATURE"])
        let v1 = try #require(vector.v1?["X-PAYMENT"])
        let plain = try vector.payment(.plain).headerValue()
        for (one, two) in [(v2, v1), (v1, v2), (v2, plain), (plain, v2), (v2, v2)] {
            #expect(read(paymentSignature: one, xPayment: two) == read(v2))
        }
        #expect(read(paymentSignature: plain, xPayment: v1) == read(v1))
    }

    @Test("two payments conflict: another nonce, payer or network")
    func refusesTwoPayments() throws {
        let v2 = try #require(vector.v2["PAYMENT-SIGNATURE"])
        let payment = try vector.payment(.v1)
        guard case .transfer(let transfer) = payment.payload else { return }
        var otherNonce = payment
        var otherPayer = payment
        var otherNetwork = payment
        var changed = transfer
        changed.nonce = .zero
        otherNonce.payload = .transfer(changed)
        changed = transfer
        changed.from = .zero
        otherPayer.payload = .transfer(changed)
        otherNetwork.network = Network(chainID: 8453)
        for other in [otherNonce, otherPayer, otherNetwork] {
            #expect(read(paymentSignature: v2, xPayment: other.headerValue()) == .conflicting)
            #expect(read(paymentSignature: other.headerValue(), xPayment: v2) == .conflicting)
        }
    }

    @Test("a header that cannot be read spoils one that can")
    func refusesHalfReadable() throws {
        let v2 = try #require(vector.v2["PAYMENT-SIGNATURE"])
        #expect(read(paymentSignature: v2, xPayment: "garbage!") == .undecodable(.invalidPayload))
        #expect(read(paymentSignature: "garbage!", xPayment: v2) == .undecodable(.invalidPayload))
    }
}
