import NIOCore
import X402

/// A complete answer of the API: a status and a JSON body.
struct APIAnswer: Sendable {
    var status: Int
    var fields: [(name: String, value: String)] = []
    var body: [UInt8]
    /// A bounded word for the log: the verdict or the error.
    var word: String

    init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8], word: String) {
        self.status = status
        self.fields = fields
        self.body = body
        self.word = word
    }

    init(status: Int, fields: [(name: String, value: String)] = [], _ members: [JSONMember], word: String) {
        self.init(status: status, fields: fields, body: JSONValue.object(members).encoded(), word: word)
    }

    /// An answer that is no verdict.
    static func error(
        _ status: Int, _ word: String, requestID: String, fields: [(name: String, value: String)] = []
    ) -> APIAnswer {
        APIAnswer(
            status: status, fields: fields,
            [JSONMember("error", .string(word)), JSONMember("requestId", .string(requestID))], word: word)
    }

    /// A rail or the ledger is down; asking again later is right.
    static func unavailable(_ reason: Unavailability, requestID: String) -> APIAnswer {
        error(
            503, "facilitator_unavailable", requestID: requestID,
            fields: [("Retry-After", String(reason.retryAfterSeconds))])
    }

    /// The status line and the field lines, without framing.
    var head: ByteBuffer {
        var head = ByteBuffer()
        head.writeString("HTTP/1.1 \(status) \(Self.phrase(status))\r\n")
        head.writeString("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        for field in fields { head.writeString("\(field.name): \(field.value)\r\n") }
        return head
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Error"
        }
    }
}
