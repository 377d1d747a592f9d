import Foundation
import Primitives
import Testing
import X402

/// A payment over Permit2 as the official SDK encodes it.
private struct PermitHeader: Decodable, CustomTestStringConvertible {
    let name: String
    let scheme: String
    let header: String

    var testDescription: String { name }

    static let all: [PermitHeader] = {
        struct File: Decodable { let permits: [PermitHeader] }
        guard let url = Bundle.module.url(forResource: "permits", withExtension: "json", subdirectory: "Resources"),
            let data = try? Data(contentsOf: url), let file = try? JSONDecoder().decode(File.self, from: data)
        else { preconditionFailure("the fixture permits.json cannot be read") }
        return file.permits
    }()

    /// The header's JSON, edited as text.
    func text(replacing old: String = "", with new: String = "") throws -> String {
        let json = String(decoding: try #require(Base64.decode(header)), as: UTF8.self)
        guard !old.isEmpty else { return json }
        #expect(json.contains(old), "the example has what the test changes: \(old)")
        return json.replacingOccurrences(of: old, with: new)
    }
}

@Suite("A payload over Permit2")
struct PermitPayloadTests {
    @Test("is read from the official SDK's header", arguments: PermitHeader.all)
    fileprivate func reading(vector: PermitHeader) throws {
        guard case .payment(let payment) = read(vector.header), case .permit(let permit) = payment.payload else {
            Issue.record("not a permit")
            return
        }
        #expect(payment.form == .v2 && payment.scheme == vector.scheme)
        #expect(permit.from == Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))
        #expect(permit.token == payment.accepted?.asset.address)
        #expect(permit.amount == payment.accepted?.amount)
        #expect(permit.nonce == UInt256(123_456_789))
        #expect(permit.deadline == UInt256(1_893_456_000))
        #expect(permit.to == payment.accepted?.payTo.address)
        #expect(permit.validAfter == .zero)
        #expect((permit.facilitator != nil) == (vector.scheme == "upto"))
        #expect(permit.signature.bytes.count == 65)
    }

    @Test("reads back what it writes", arguments: PermitHeader.all)
    fileprivate func roundTrip(vector: PermitHeader) throws {
        guard case .payment(let payment) = read(vector.header) else {
            Issue.record("not a payment")
            return
        }
        #expect(read(payment.headerValue()) == .payment(payment))
    }

    @Test("may have a nonce in hexadecimal digits", arguments: PermitHeader.all)
    fileprivate func hexNonce(vector: PermitHeader) throws {
        let text = try vector.text(replacing: #""123456789""#, with: #""0x75bcd15""#)
        #expect(read(text) == read(vector.header))
        for wrong in ["0x", "0xg1", "0x" + String(repeating: "1", count: 65), "-1", "1e3", " 1"] {
            #expect(read(try vector.text(replacing: "123456789", with: wrong)) == .undecodable(.invalidPayload))
        }
    }

    @Test(
        "is refused where a field is missing, of another type or no value of it",
        arguments: [
            (#""from""#, #""form""#), (#""permitted""#, #""permited""#), (#""token""#, #""tokens""#),
            (#""spender":"0x"#, #""spender":"0X"#), (#""deadline":"1893456000""#, #""deadline":1893456000"#),
            (#""deadline":"1893456000""#, #""deadline":"01893456000""#), (#""witness":{"#, #""witness":null,"w":{"#),
            (#""validAfter":"0""#, #""validAfter":"0x0""#), (#""signature":"0x"#, #""signature":"0x0"#),
            (#""signature""#, #""signatures""#), (#""permit2Authorization":{"#, #""permit2Authorization":1,"p":{"#),
        ])
    func strict(change: (old: String, new: String)) throws {
        for vector in PermitHeader.all {
            let text = try vector.text(replacing: change.old, with: change.new)
            #expect(read(text) == .undecodable(.invalidPayload), "\(change.new)")
        }
    }

    @Test("is refused where its facilitator cannot be read")
    func facilitator() throws {
        let upto = try #require(PermitHeader.all.last)
        let text = try upto.text(replacing: #""facilitator":"0x"#, with: #""facilitator":"0y"#)
        #expect(read(text) == .undecodable(.invalidPayload))
    }

    @Test("is read where a scheme has it only", arguments: PermitHeader.all)
    fileprivate func otherSchemes(vector: PermitHeader) throws {
        let text = try vector.text(
            replacing: #""scheme":"\#(vector.scheme)""#, with: #""scheme":"deferred""#)
        guard case .payment(let payment) = read(text), case .other = payment.payload else {
            Issue.record("the payload of a scheme that is not known is handed on as it came")
            return
        }
    }

    @Test("matches the offer that asks for it", arguments: PermitHeader.all)
    fileprivate func matching(vector: PermitHeader) throws {
        guard case .payment(let payment) = read(vector.header), let accepted = payment.accepted,
            let network = payment.network
        else { return }
        let offer = PaymentRequirements(
            scheme: vector.scheme, network: network, asset: accepted.asset, amount: accepted.amount,
            payTo: accepted.payTo, maxTimeoutSeconds: 60, extra: accepted.extra)
        #expect(offer.isPayableByPermit && !offer.isPayableByTransfer)
        #expect(payment.match([offer]) == .offer(0))
        var other = offer
        other.scheme = vector.scheme == "exact" ? "upto" : "exact"
        #expect(payment.match([other, offer]) == .offer(1))
        #expect(payment.match([other]) == .none(.noMatchingOffer))
    }

    @Test("conflicts with another payment, and not with itself")
    func conflicts() throws {
        let one = try #require(PermitHeader.all.first)
        let same = try one.text(replacing: #""validAfter":"0""#, with: #""validAfter":"1""#)
        let other = try one.text(replacing: "123456789", with: "123456790")
        #expect(read(paymentSignature: one.header, xPayment: base64(other)) == .conflicting)
        #expect(read(paymentSignature: one.header, xPayment: base64(same)) == read(one.header))
        let transfer = try #require(PaymentVector.transfers.first?.v2["PAYMENT-SIGNATURE"])
        #expect(read(paymentSignature: one.header, xPayment: transfer) == .conflicting)
    }

    @Test("pays offers of exact that ask for it, and those of upto")
    func payable() throws {
        func offer(_ scheme: String, _ others: [JSONMember]) -> PaymentRequirements {
            PaymentRequirements(
                scheme: scheme, network: Network(chainID: 1), asset: .address(.zero), amount: UInt256(1),
                payTo: .address(.zero), maxTimeoutSeconds: 60, extra: OfferExtra(others: others))
        }
        #expect(offer("exact", [.permitTransfer]).isPayableByPermit)
        #expect(!offer("exact", []).isPayableByPermit)
        #expect(offer("upto", []).isPayableByPermit)
        #expect(offer("upto", [.permitTransfer, .facilitatorAddress(.zero)]).isPayableByPermit)
        #expect(!offer("upto", [JSONMember("assetTransferMethod", .string("erc7710"))]).isPayableByPermit)
        #expect(!offer("exact", [.permitTransfer, JSONMember("paymentFlow", .string("upfront"))]).isPayableByPermit)
        #expect(!offer("deferred", [.permitTransfer]).isPayableByPermit)
    }
}
