import Primitives

/// The head of a 402: `PAYMENT-REQUIRED`, `X-Payment-Required` and what belongs to every challenge.
struct ChallengeHeader: Sendable {
    /// Status line, fixed fields, and the base64 of all JSON before `error`.
    ///
    /// Without offers in version 2 there is no `PAYMENT-REQUIRED`: a client that finds it reads nothing else.
    private let start: [UInt8]
    /// The same without extensions, for a challenge that adds some of its own.
    private let bareStart: [UInt8]
    private let extensions: [JSONMember]
    private let hasOffers: Bool
    private let fixed: [UInt8]
    /// Base64 from behind `error` up to the URL's target.
    private let resource: [UInt8]
    /// `start`, the unpaid error and `resource` in one piece.
    private let unpaid: [UInt8]
    /// From the end of the base64 to the plain form's time, nil when no offer has the plain form.
    private let plainOffer: [UInt8]?
    /// From the end of the last offer's field on.
    private let end: [UInt8]

    /// `contentType` is that of the body.
    init(
        offers: [PaymentRequirements], resource: Resource, grantHeader: String?, extensions: [JSONMember] = [],
        contentType: String = "application/json"
    ) {
        let fixedFields = Self.fixedFields + "content-type: \(contentType)\r\n"
        fixed = Array(fixedFields.utf8)
        hasOffers = !offers.isEmpty
        let accepts = JSONValue.array(offers.map(\.v2JSON)).encoded()
        bareStart =
            Array((fixedFields + "\(WireHeader.paymentRequired): ").utf8)
            + Self.base64(Array(#"{"x402Version":2,"accepts":"#.utf8) + accepts + Array(",".utf8), paddedAtEnd: true)
        self.extensions = extensions
        start = extensions.isEmpty ? bareStart : bareStart + Self.base64(extensions: extensions)
        var described = JSONValue.object([
            JSONMember("description", .string(resource.description)),
            JSONMember("mimeType", .string(resource.mimeType)), JSONMember("url", .string(resource.url)),
        ]).encoded()
        described.removeLast(2)
        self.resource = Self.base64(Array(#""resource":"#.utf8) + described, paddedAtEnd: false)
        unpaid = start + Self.base64(error: .unpaid) + self.resource
        plainOffer = offers.first(where: \.isPayableByTransfer).map(Self.plainField)
        let exposed = [WireHeader.exposed, grantHeader].compactMap { $0 }.joined(separator: ", ")
        end = Array("\r\naccess-control-expose-headers: \(exposed)\r\n".utf8)
    }

    /// The extensions of a challenge that adds some to those of every challenge, as they are written.
    func piece(adding members: [JSONMember]) -> [UInt8] { Self.base64(extensions: extensions + members) }

    func bound(targetBytes: Int, errorBytes: Int) -> Int {
        let target = Base64.encodedCount(AdvertisedTarget.bound(targetBytes) + Self.tailBytes)
        let error = Base64.encodedCount(6 * errorBytes + Self.errorFrameBytes)
        return unpaid.count + target + error + (plainOffer?.count ?? 0) + Self.timeDigits + end.count
    }

    func write(
        error: ChallengeError, target: AdvertisedTarget, expires: UInt64, extensions piece: [UInt8]? = nil,
        into sink: inout ByteSink
    ) {
        guard hasOffers else {
            sink.put(fixed)
            // `end` begins with the line end of the base64, which is not there.
            end.withUnsafeBytes { sink.put(UnsafeRawBufferPointer(rebasing: $0[2...])) }
            return
        }
        switch (error, piece) {
        case (.unpaid, nil): sink.put(unpaid)
        case (_, let piece):
            sink.put(piece == nil ? start : bareStart)
            if let piece { sink.put(piece) }
            sink.put(Self.base64(error: error))
            sink.put(resource)
        }
        target.withShownBytes { Self.put(target: $0, into: &sink) }
        if let plainOffer {
            sink.put(plainOffer)
            sink.put(decimal: UInt256(expires))
        }
        sink.put(end)
    }

    private static let fixedFields =
        "HTTP/1.1 402 Payment Required\r\ncache-control: no-store\r\n"

    /// Quote, padding and the two braces behind the URL, after up to two bytes of the target.
    private static let tailBytes = 8
    private static let errorFrameBytes = 16
    private static let timeDigits = 20

    /// Base64 of the target and of all behind it, padded so that it needs no `=`.
    private static func put(target: UnsafeRawBufferPointer, into sink: inout ByteSink) {
        let whole = target.count / 3 * 3
        sink.put(base64: UnsafeRawBufferPointer(rebasing: target[..<whole]))
        let rest = target.count - whole
        withUnsafeTemporaryAllocation(byteCount: tailBytes, alignment: 8) { room in
            var tail = ByteSink(room)
            tail.put(UnsafeRawBufferPointer(rebasing: target[whole...]))
            tail.put(UInt8(ascii: "\""))
            if rest == 1 { tail.put("  ") } else if rest == 2 { tail.put(" ") }
            tail.put("}}")
            sink.put(base64: UnsafeRawBufferPointer(rebasing: room[..<tail.count]))
        }
    }

    private static func base64(extensions: [JSONMember]) -> [UInt8] {
        base64(
            Array(#""extensions":"#.utf8) + JSONValue.object(extensions).encoded() + Array(",".utf8), paddedAtEnd: true)
    }

    private static func base64(error: ChallengeError) -> [UInt8] {
        base64(Array(#""error":"#.utf8) + JSONValue.string(error.text).encoded() + Array(",".utf8), paddedAtEnd: true)
    }

    /// Base64 of a piece that spaces make a multiple of three bytes long.
    private static func base64(_ piece: [UInt8], paddedAtEnd: Bool) -> [UInt8] {
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: (3 - piece.count % 3) % 3)
        return Array(Base64.encode(paddedAtEnd ? piece + padding : padding + piece).utf8)
    }

    /// The plain form as an RFC 8941 dictionary; the amount is a string, since integers there end at 15 digits.
    private static func plainField(_ offer: PaymentRequirements) -> [UInt8] {
        let members = [
            #"amount="\#(offer.amount)""#, #"asset="\#(offer.asset)""#, #"chain="\#(offer.network)""#,
            #"recipient="\#(offer.payTo)""#, "expires=",
        ]
        return Array("\r\nX-Payment-Required: \(members.joined(separator: ", "))".utf8)
    }
}
