import NIOCore
import Transport
import X402

/// Builds the bytes of our own answers.
enum AnswerWriter {
    /// The status line and the fields that every answer of ours has.
    static func head(_ status: Int, capacity: Int = 512) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: capacity)
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeDecimal(UInt64(status))
        buffer.writeStaticString(" ")
        buffer.writeStaticString(Answer.reasonPhrase(status))
        buffer.writeStaticString("\r\ncontent-type: application/json\r\ncache-control: no-store\r\n")
        return buffer
    }

    /// The field lines that one kind of answer adds.
    static func writeFields(of answer: Answer, to buffer: inout ByteBuffer) {
        if case .methodNotAllowed(let allow) = answer {
            buffer.writeStaticString("allow: ")
            buffer.writeString(allow)
            buffer.writeStaticString("\r\n")
        }
        if case .tooManyRequests(let overrun) = answer { overrun.writeFields(to: &buffer) }
        if let seconds = answer.retryAfterSeconds {
            buffer.writeStaticString("retry-after: ")
            buffer.writeDecimal(UInt64(seconds))
            buffer.writeStaticString("\r\n")
        }
    }

    /// `{"error":…,"message":…,"requestId":…}`; the texts are constants without quotes.
    static func body(of answer: Answer, id: RequestID) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: 256)
        buffer.writeStaticString("{\"error\":\"")
        buffer.writeStaticString(answer.code)
        buffer.writeStaticString("\",\"message\":\"")
        if case .unpriced = answer {
            // Names of fields come from the file, and may have quotes.
            buffer.writeBytes(JSONValue.string(answer.message).encoded().dropFirst().dropLast())
        } else {
            buffer.writeString(answer.message)
        }
        buffer.writeStaticString("\",\"requestId\":\"")
        buffer.writeID(id)
        buffer.writeStaticString("\"}\n")
        return buffer
    }

    /// A whole answer to a request whose head was refused; the connection closes after it.
    static func whole(_ answer: Answer, id: RequestID) -> ByteBuffer {
        var buffer = head(answer.status)
        writeFields(of: answer, to: &buffer)
        let body = body(of: answer, id: id)
        buffer.writeStaticString("connection: close\r\ncontent-length: ")
        buffer.writeDecimal(UInt64(body.readableBytes))
        buffer.writeStaticString("\r\n\r\n")
        buffer.writeImmutableBuffer(body)
        return buffer
    }
}
