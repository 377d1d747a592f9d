import Ledger
import Logging
import NIOCore
import Transport
import X402

/// One request to the API, on its event loop.
final class FacilitatorExchange: RequestHandler {
    private let stream: ServerStream
    private let delegate: FacilitatorDelegate
    private let requestID: String
    private let endpoint: APIEndpoint
    private let startedAt: Duration
    private var seller = SellerCall()
    private var body = ByteBuffer()
    private var isAnswered = false
    private var isClosed = false

    private var api: FacilitatorAPI { delegate.api }

    init(_ stream: ServerStream, delegate: FacilitatorDelegate, requestID: String) {
        self.stream = stream
        self.delegate = delegate
        self.requestID = requestID
        endpoint = APIEndpoint(stream.head)
        startedAt = delegate.api.clock.now()
    }

    /// Answers what needs no body, and lets the body of the rest come once the caller may send it.
    func begin() {
        switch endpoint {
        case .verify, .settle:
            if let refusal = gate() {
                answer(refusal)
            } else {
                stream.acceptBody()
            }
        case .describeVerify: answer(.description(of: "/verify", purpose: "verify"))
        case .describeSettle: answer(.description(of: "/settle", purpose: "settle"))
        case .supported: answer(.supported(api.service.registry.supported))
        case .health:
            let service = api.service
            answer { .health(rails: service.registry.rails, ledger: await service.ledger.health()) }
        case .notFound: answer(.error(404, "not_found", requestID: requestID))
        case .methodNotAllowed(let allow):
            answer(.error(405, "method_not_allowed", requestID: requestID, fields: [("Allow", allow)]))
        }
    }

    func bodyReceived(_ bytes: ByteBuffer) {
        if isAnswered || isClosed { return }
        guard body.readableBytes + bytes.readableBytes <= FacilitatorAPI.maxBodyBytes else {
            body.clear()
            return answer(tooLarge)
        }
        var bytes = bytes
        body.writeBuffer(&bytes)
    }

    func requestEnded(trailers: ByteBuffer?) {
        if isAnswered || isClosed { return }
        let isSettle = endpoint == .settle
        switch body.withUnsafeReadableBytes({ FacilitatorRequest.parse($0) }) {
        case .malformed(let reason): answer(.malformed(reason, isSettle: isSettle, requestID: requestID))
        case .wrongVersion: answer(.invalid(.invalidVersion, isSettle: isSettle))
        case .invalid(let reason): answer(.invalid(reason, isSettle: isSettle))
        case .request(let request) where request.payment.identifier == .malformed:
            answer(.invalid(.identifierInvalid, isSettle: isSettle))
        case .request(let request):
            let service = api.service
            let judgement = service.judge(request, isSettling: isSettle, keys: &delegate.keys)
            let requestID = requestID
            let seller = seller.named(by: request.payment.identifier)
            answer {
                if isSettle {
                    switch await service.settle(judgement, for: seller) {
                    case .answer(let receipt): return .settle(receipt, form: request.payment.form)
                    case .unavailable(let reason): return .unavailable(reason, requestID: requestID)
                    }
                }
                switch await service.verify(judgement) {
                case .answer(let verdict): return .verify(verdict)
                case .unavailable(let reason): return .unavailable(reason, requestID: requestID)
                }
            }
        }
    }

    func responseWritable() {}

    func downstreamClosed(_ reason: StreamClosure) {
        isClosed = true
    }

    /// What keeps a caller out before its body is read; nil lets it in.
    private func gate() -> APIAnswer? {
        if case .length(let count) = stream.head.body, count > UInt64(FacilitatorAPI.maxBodyBytes) { return tooLarge }
        guard let keyID = api.keyID(presenting: presentedKey) else {
            return .error(401, "unauthorized", requestID: requestID, fields: [("WWW-Authenticate", "Bearer")])
        }
        seller.keyID = keyID
        guard endpoint == .settle else { return nil }
        let caller: RateLimiter.Caller =
            keyID == SellerCall.anonymousID
            ? RateLimiter.Caller(api.clientAddress(of: stream.head, peer: stream.peer)) : .key(keyID)
        if let seconds = api.secondsToWait(caller) {
            return .error(429, "rate_limited", requestID: requestID, fields: [("Retry-After", String(seconds))])
        }
        guard let field = stream.head.first(.idempotencyKey) else { return nil }
        let key = stream.head.string(field.value)
        guard (1...Self.maxIdempotencyKeyBytes).contains(key.utf8.count), stream.head.count(of: .idempotencyKey) == 1
        else { return .error(400, "invalid_idempotency_key", requestID: requestID) }
        seller.idempotencyKey = key
        return nil
    }

    /// The longest `Idempotency-Key` of a caller.
    private static let maxIdempotencyKeyBytes = 128

    private var tooLarge: APIAnswer { .error(413, "request_too_large", requestID: requestID) }

    /// The key of `Authorization: Bearer`, else of `X-API-Key`; nil where there is none or more than one of a field.
    private var presentedKey: String? {
        let head = stream.head
        if let field = head.first(.authorization) {
            guard head.count(of: .authorization) == 1 else { return nil }
            let value = head.string(field.value)
            guard value.lowercased().hasPrefix("bearer ") else { return nil }
            return value.dropFirst(7).trimmingSpaces
        }
        let fields = head.fields.filter { $0.known == .other && head.string($0.name).lowercased() == "x-api-key" }
        return fields.count == 1 ? head.string(fields[0].value) : nil
    }

    private func answer(_ work: @escaping @Sendable () async -> APIAnswer) {
        // The work goes on when the caller has gone: what it began with the ledger must come to its end.
        stream.eventLoop.makeFutureWithTask(work).assumeIsolated().whenSuccess { self.answer($0) }
    }

    private func answer(_ answer: APIAnswer) {
        if isAnswered { return }
        isAnswered = true
        log(answer)
        if isClosed { return }
        if answer.status == 413 { stream.closesAfterResponse = true }
        stream.writeHead(answer.head, body: .length(UInt64(answer.body.count)))
        stream.writeBody(ByteBuffer(bytes: answer.body))
        stream.end(trailers: nil)
    }

    private func log(_ answer: APIAnswer) {
        let elapsed = (api.clock.now() - startedAt) / Duration.milliseconds(1)
        api.logger.info(
            "facilitator request",
            metadata: [
                "request": "\(requestID)", "endpoint": "\(endpoint)", "status": "\(answer.status)",
                "result": "\(answer.word)", "caller": "\(seller.keyID)", "ms": "\(Int(elapsed))",
            ])
    }
}

extension Substring {
    /// The text without spaces and tabs at its ends.
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
