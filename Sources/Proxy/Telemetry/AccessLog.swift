import NIOCore
import Pricing
import Primitives

/// One line per request, gathered per event loop and handed on in large pieces.
///
/// JSON lines. A line has the path without its query, and never a header value, a signature or a body.
package struct AccessLog {
    private let sink: LogSink?
    private let allocator = ByteBufferAllocator()
    private var lines = ByteBuffer()
    private var stamp = ByteBuffer()
    private var stampSecond: Int64 = -1

    /// Bytes at which the gathered lines are handed on before their time.
    private static let threshold = 16 * 1024

    /// A nil sink writes nothing.
    package init(sink: LogSink?) { self.sink = sink }

    package var isEnabled: Bool { sink != nil }

    /// Starts a line with its constant part; the caller appends members and calls `endLine`.
    mutating func begin(now: UnixTime, id: RequestID) {
        if lines.capacity == 0 { lines = allocator.buffer(capacity: Self.threshold + 2048) }
        if now.seconds != stampSecond {
            stampSecond = now.seconds
            stamp.clear()
            stamp.writeString(CalendarTime(now).iso8601)
        }
        lines.writeStaticString("{\"time\":\"")
        lines.writeImmutableBuffer(stamp)
        lines.writeStaticString("\",\"level\":\"info\",\"message\":\"request\",\"id\":\"")
        lines.writeID(id)
        lines.writeStaticString("\"")
    }

    mutating func member(_ name: StaticString, _ text: some Sequence<UInt8>) {
        lines.writeStaticString(",\"")
        lines.writeStaticString(name)
        lines.writeStaticString("\":\"")
        for byte in text { lines.writeEscaped(byte) }
        lines.writeStaticString("\"")
    }

    mutating func member(_ name: StaticString, _ text: String) {
        var text = text
        text.withUTF8 { member(name, $0) }
    }

    /// How much was counted of a quantity, under `used_` and its name.
    mutating func count(_ quantity: MeteredQuantity, _ count: UInt64) {
        lines.writeStaticString(",\"used_")
        for byte in quantity.name.utf8 { lines.writeEscaped(byte) }
        lines.writeStaticString("\":")
        lines.writeString(String(count))
    }

    /// A value that needs no escapes.
    mutating func member(_ name: StaticString, constant: StaticString) {
        lines.writeStaticString(",\"")
        lines.writeStaticString(name)
        lines.writeStaticString("\":\"")
        lines.writeStaticString(constant)
        lines.writeStaticString("\"")
    }

    mutating func member(_ name: StaticString, _ number: UInt64) {
        lines.writeStaticString(",\"")
        lines.writeStaticString(name)
        lines.writeStaticString("\":")
        lines.writeDecimal(number)
    }

    mutating func member(_ name: StaticString, _ write: (inout ByteBuffer) -> Void) {
        lines.writeStaticString(",\"")
        lines.writeStaticString(name)
        lines.writeStaticString("\":\"")
        write(&lines)
        lines.writeStaticString("\"")
    }

    mutating func endLine() {
        lines.writeStaticString("}\n")
        if lines.readableBytes >= Self.threshold { flush() }
    }

    /// Hands on what is gathered; called by a timer of the loop.
    package mutating func flush() {
        guard let sink, lines.readableBytes > 0 else { return }
        sink.write(lines)
        lines = ByteBuffer()
    }
}

extension ByteBuffer {
    /// Appends one byte of a JSON string (RFC 8259 §7); what is not printable ASCII is escaped.
    fileprivate mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            writeInteger(UInt8(ascii: "\\"))
            writeInteger(byte)
        case 0x20..<0x7F:
            writeInteger(byte)
        default:
            let digits: StaticString = "0123456789abcdef"
            writeStaticString("\\u00")
            writeInteger(digits.utf8Start[Int(byte >> 4)])
            writeInteger(digits.utf8Start[Int(byte & 15)])
        }
    }
}
