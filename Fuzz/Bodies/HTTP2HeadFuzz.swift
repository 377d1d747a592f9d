import NIOCore
import Transport

/// Heads that came over HTTP/2: in the HTTP/1.1 form that they get, a strict parser reads the same one request.
///
/// The first byte of an input chooses limits and end; behind it come fields, each a name and a value with a length before it.
enum HTTP2HeadFuzz {
    /// Names that a length from 0xe0 on stands for, so that they need not be found letter by letter.
    private static let names = [
        ":method", ":scheme", ":authority", ":path", ":protocol", "host", "content-length", "cookie", "te", "expect",
        "connection", "transfer-encoding", "upgrade", "keep-alive", "x-payment", "payment-signature",
    ]
    private static let firstName = 0xe0

    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        guard let choice = bytes.first else { return nil }
        let limits = choice & 2 == 0 ? HeadLimits() : HeadLimits(maxHeadBytes: 160, maxTargetBytes: 24, maxFields: 6)
        var reader = HTTP2RequestReader(limits: limits) { Array("AAAAAAAAAAAAAAAAAAAAAA==".utf8) }
        var head = RequestHead()
        reader.start(&head)
        var rest = bytes.dropFirst()
        while let name = text(&rest, named: true), let value = text(&rest, named: false) {
            name.withUnsafeBufferPointer { name in
                value.withUnsafeBufferPointer { reader.field(name, $0, &head) }
            }
        }
        reader.finish(&head, endsStream: choice & 1 == 0)
        return reader.refusal == nil ? fault(in: head, limits: limits) : nil
    }

    /// Takes one text off the front, nil at the end.
    private static func text(_ rest: inout Slice<UnsafeRawBufferPointer>, named: Bool) -> [UInt8]? {
        guard let length = rest.popFirst() else { return nil }
        if named, Int(length) >= firstName { return Array(names[Int(length) % names.count].utf8) }
        let text = Array(rest.prefix(Int(length)))
        rest = rest.dropFirst(text.count)
        return text
    }

    /// What HTTP/1.1 reads otherwise in an accepted head.
    static func fault(in head: RequestHead, limits: HeadLimits = HeadLimits()) -> String? {
        var parser = RequestHeadParser(limits: limits)
        var input = head.bytes
        var again = RequestHead()
        let outcome = parser.parse(&input, into: &again)
        guard outcome == .complete else { return "HTTP/1.1 says \(outcome) to \(String(buffer: head.bytes))" }
        if input.readableBytes > 0 { return "HTTP/1.1 reads more than one message" }
        if let fault = HeadRules.fault(in: again) { return fault }
        guard again.method == head.method, again.methodRange == head.methodRange,
            again.targetRange == head.targetRange, again.host == head.host
        else { return "HTTP/1.1 reads another request line or host" }
        guard again.fields.map(\.line) == head.fields.map(\.line), again.fields.map(\.name) == head.fields.map(\.name),
            again.fields.map(\.value) == head.fields.map(\.value),
            again.fields.map(\.known) == head.fields.map(\.known), again.present == head.present
        else { return "HTTP/1.1 reads other fields" }
        if again.hasUpgrade != head.hasUpgrade || !again.keepAlive { return "HTTP/1.1 reads another end" }
        // A body without a length is framed by the stream, and by nothing in the head.
        return again.body == (head.body == .chunked ? .none : head.body) ? nil : "HTTP/1.1 reads another body"
    }
}
