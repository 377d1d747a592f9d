import NIOCore
import Testing
import Transport

@testable import Proxy

/// Our own answers for clients of gRPC.
@Suite("Answers for gRPC")
struct GRPCAnswerTests {
    private func request(_ contentType: String) throws -> RequestHead {
        var input = ByteBuffer(string: "POST /s/M HTTP/1.1\r\nHost: h\r\nContent-Type: \(contentType)\r\n\r\n")
        var head = RequestHead()
        var parser = RequestHeadParser()
        try #require(parser.parse(&input, into: &head) == .complete)
        return head
    }

    @Test(
        "a call is known by its content type",
        arguments: [
            ("application/grpc", true), ("application/grpc+proto", true), ("Application/gRPC;x=1", true),
            ("application/grpc ; x=1", true), ("application/grpc-web+proto", false), ("application/grpcish", false),
            ("application/json", false), ("application/grp", false),
        ])
    func asked(contentType: String, expected: Bool) throws {
        #expect(try GRPCAnswer.isAsked(by: request(contentType)) == expected)
    }

    @Test(
        "each status has its counterpart",
        arguments: [
            (400, 13), (401, 16), (402, 9), (403, 7), (404, 12), (405, 12), (408, 4), (409, 10), (413, 8), (429, 14),
            (502, 14), (503, 14), (504, 14), (500, 2), (599, 2),
        ])
    func statuses(http: Int, expected: Int) {
        #expect(GRPCAnswer.status(of: http) == expected)
    }

    @Test("the head keeps its fields, but for the content type of a body that is not sent")
    func head() {
        let head = ByteBuffer(
            string: "HTTP/1.1 402 Payment Required\r\nContent-Type: application/json\r\npayment-required: e30=\r\n"
                + "cache-control: no-store\r\n")
        #expect(
            String(buffer: GRPCAnswer.head(of: head, status: 402, message: "Payment required"))
                == "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 9\r\n"
                + "grpc-message: Payment required\r\npayment-required: e30=\r\ncache-control: no-store\r\n")
    }

    @Test(
        "a message is percent-encoded",
        arguments: [("plain text!", "plain text!"), ("50% off\r\n", "50%25 off%0D%0A"), ("ä", "%C3%A4")])
    func message(text: String, expected: String) {
        var buffer = ByteBuffer()
        GRPCAnswer.writeEncoded(text, to: &buffer)
        #expect(String(buffer: buffer) == expected)
    }

    @Test(
        "a head with a status other than 0 is the end of a call that failed",
        arguments: [("grpc-status: 0", false), ("Grpc-Status: 5", true), ("grpc-encoding: gzip", false)])
    func failed(line: String, expected: Bool) throws {
        var input = ByteBuffer(string: "HTTP/1.1 200 OK\r\n\(line)\r\n\r\n")
        var head = ResponseHead()
        var parser = ResponseHeadParser()
        try #require(parser.parse(&input, method: .post, into: &head) == .complete)
        #expect(GRPCAnswer.hasFailed(head) == expected)
    }
}
