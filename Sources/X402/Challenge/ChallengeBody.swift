/// The body of a 402: version 1's list, or the error alone.
///
/// The strictest reader of version 1, the legacy TypeScript package, refuses a whole list for one network that it does
/// not know, for null and for missing texts; an empty list only confuses it.
struct ChallengeBody: Sendable {
    /// From behind the error to the first target, between targets, and from the last target to the end of the list.
    private let pieces: [[UInt8]]

    init(offers: [PaymentRequirements], resource: Resource) {
        var pieces: [[UInt8]] = []
        var open: [UInt8] = []
        for offer in offers {
            guard let entry = Self.entry(offer, resource) else { continue }
            open += Array((pieces.isEmpty ? #","accepts":["# : ",").utf8) + entry.beforeTarget
            pieces.append(open)
            open = entry.afterTarget
        }
        if !pieces.isEmpty { pieces.append(open + Array("]".utf8)) }
        self.pieces = pieces
    }

    func bound(targetBytes: Int, errorBytes: Int, requestIDBytes: Int) -> Int {
        let fixed = pieces.reduce(Self.frameBytes) { $0 + $1.count }
        return fixed + pieces.count * AdvertisedTarget.bound(targetBytes) + 6 * errorBytes + requestIDBytes
    }

    /// More than the names and the punctuation around the list take.
    private static let frameBytes = 96

    func write(
        error: ChallengeError, target: AdvertisedTarget, requestID: UnsafeRawBufferPointer, into sink: inout ByteSink
    ) {
        sink.put(pieces.isEmpty ? #"{"error":"# : #"{"x402Version":1,"error":"#)
        sink.put(string: error.text)
        target.withShownBytes { shown in
            for (index, piece) in pieces.enumerated() {
                if index > 0 { sink.put(shown) }
                sink.put(piece)
            }
        }
        if let payer = error.payer {
            sink.put(#","payer":"#)
            sink.put(string: payer)
        }
        if requestID.count > 0 {
            sink.put(#","requestId":""#)
            sink.put(requestID)
            sink.put(#"""#)
        }
        sink.put("}")
    }

    /// An entry's JSON around the target in its `resource`; nil where version 1 cannot say the offer.
    private static func entry(
        _ offer: PaymentRequirements, _ resource: Resource
    ) -> (beforeTarget: [UInt8], afterTarget: [UInt8])? {
        guard offer.isPayableByTransfer, let name = offer.network.v1Name, V1NetworkNames.isInLegacyEnum(name) else {
            return nil
        }
        guard case .object(let members)? = offer.v1JSON(resource: resource) else { return nil }
        guard let resourceIndex = members.firstIndex(where: { $0.key == "resource" }) else { return nil }
        var before = JSONValue.object(Array(members[...resourceIndex])).encoded()
        before.removeLast(2)
        let after = JSONValue.object(Array(members[(resourceIndex + 1)...])).encoded()
        return (before, Array(#"","#.utf8) + after.dropFirst())
    }
}
