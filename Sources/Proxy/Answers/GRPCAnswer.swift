import NIOCore
import Transport

/// Our own answers as gRPC clients read them: HTTP 200 without a body, the status in `grpc-status`.
///
/// "Trailers-Only" of gRPC's PROTOCOL-HTTP2.md: what a client of gRPC gets as HTTP status 402 it reports as UNKNOWN, and keeps the
/// fields that tell the price to itself.
enum GRPCAnswer {
    /// Whether a request is a call of gRPC: `application/grpc`, alone or with `+` or `;` behind it.
    static func isAsked(by head: RequestHead) -> Bool {
        guard let field = head.first(.contentType), field.value.count >= mediaType.utf8CodeUnitCount else {
            return false
        }
        return head.withBytes { bytes in
            let value = bytes[field.value]
            let end = value.startIndex + mediaType.utf8CodeUnitCount
            guard TokenList.equal(UnsafeRawBufferPointer(rebasing: value[..<end]), mediaType) else { return false }
            return end == value.endIndex || value[end] == UInt8(ascii: "+") || value[end] == UInt8(ascii: ";")
                || value[end] == UInt8(ascii: " ")
        }
    }

    private static let mediaType: StaticString = "application/grpc"

    /// The status of gRPC for one of HTTP.
    ///
    /// 400, 401, 403, 404, 429, 502, 503 and 504 as in gRPC's http-grpc-status-mapping.md. 402 is FAILED_PRECONDITION: no
    /// client repeats such a call by itself, and none takes it for a matter of its credentials.
    static func status(of status: Int) -> Int {
        switch status {
        case 400, 505: 13  // INTERNAL
        case 401: 16  // UNAUTHENTICATED
        case 402: 9  // FAILED_PRECONDITION
        case 403: 7  // PERMISSION_DENIED
        case 404, 405, 501: 12  // UNIMPLEMENTED
        case 408: 4  // DEADLINE_EXCEEDED
        case 409: 10  // ABORTED
        case 413, 414, 431: 8  // RESOURCE_EXHAUSTED
        case 429, 502, 503, 504: 14  // UNAVAILABLE
        default: 2  // UNKNOWN
        }
    }

    /// Turns the head of an answer of ours into one for gRPC; all its fields stay but `content-type`.
    static func head(of head: ByteBuffer, status: Int, message: String) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: head.readableBytes + 128 + message.utf8.count)
        buffer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: ")
        buffer.writeDecimal(UInt64(Self.status(of: status)))
        buffer.writeStaticString("\r\ngrpc-message: ")
        writeEncoded(message, to: &buffer)
        buffer.writeStaticString("\r\n")
        head.withUnsafeReadableBytes { bytes in
            var isFirst = true
            var start = 0
            while start < bytes.count {
                var end = start
                while end < bytes.count, bytes[end] != 0x0a { end &+= 1 }
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<min(end &+ 1, bytes.count)])
                if !isFirst, !isContentType(line) { buffer.writeBytes(line) }
                isFirst = false
                start = end &+ 1
            }
        }
        return buffer
    }

    private static func isContentType(_ line: UnsafeRawBufferPointer) -> Bool {
        let name: StaticString = "content-type:"
        guard line.count >= name.utf8CodeUnitCount else { return false }
        return TokenList.equal(UnsafeRawBufferPointer(rebasing: line[..<name.utf8CodeUnitCount]), name)
    }

    /// Percent-encodes what is not printable ASCII, and the percent sign (PROTOCOL-HTTP2.md, "Status-Message").
    static func writeEncoded(_ message: String, to buffer: inout ByteBuffer) {
        let digits: StaticString = "0123456789ABCDEF"
        for byte in message.utf8 {
            if byte >= 0x20, byte <= 0x7E, byte != UInt8(ascii: "%") {
                buffer.writeInteger(byte)
            } else {
                buffer.writeInteger(UInt8(ascii: "%"))
                buffer.writeInteger(digits.utf8Start[Int(byte >> 4)])
                buffer.writeInteger(digits.utf8Start[Int(byte & 15)])
            }
        }
    }

    /// Whether an upstream's head is already the end of a call that failed.
    static func hasFailed(_ head: ResponseHead) -> Bool {
        head.fields(named: "grpc-status").contains { field in
            head.withBytes { !$0[field.value].elementsEqual("0".utf8) }
        }
    }
}
