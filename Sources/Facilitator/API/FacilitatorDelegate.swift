import EVM
import Logging
import NIOCore
import Transport

/// Begins the exchanges of one event loop.
final class FacilitatorDelegate: RequestDelegate {
    let api: FacilitatorAPI
    /// Keys of payers seen on this loop.
    var keys = PublicKeyCache()
    private var generator = SystemRandomNumberGenerator()

    init(_ api: FacilitatorAPI) {
        self.api = api
    }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        let exchange = FacilitatorExchange(stream, delegate: self, requestID: makeRequestID())
        exchange.begin()
        return exchange
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        let requestID = makeRequestID()
        let answer = APIAnswer.error(status, "malformed_request", requestID: requestID)
        api.logger.info(
            "facilitator request refused",
            metadata: [
                "request": "\(requestID)", "status": "\(status)", "reason": "\(refusal.shortDescription)",
            ])
        var bytes = answer.head
        bytes.writeString("Content-Length: \(answer.body.count)\r\nConnection: close\r\n\r\n")
        bytes.writeBytes(answer.body)
        return bytes
    }

    /// 16 hex digits for the answer and the log.
    private func makeRequestID() -> String {
        let digits = String(generator.next(), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
