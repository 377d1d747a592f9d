import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// Answers that do not come from the upstream.
extension Exchange {
    /// 402 with every offer in every wire form.
    func challenge(_ sheet: OfferSheet, _ error: ChallengeError, receipt: Receipt? = nil) {
        let template = challengeTemplate(of: sheet)
        let error = error.saying(creditRefusal)
        if case .refused(let reason, _) = error { self.reason = reason }
        if isAbandoned { return log() }
        // What a settlement said is told in any case.
        if receipt == nil, let overrun = overrunOfChallenges() { return answer(.tooManyRequests(overrun)) }
        status = 402
        let expires = UInt64(loop.now().seconds) &+ UInt64(sheet.maxTimeoutSeconds)
        let isPage = stream.head.isFromBrowser
        let extensions = signInExtension(of: sheet).map { template.extensions(adding: [$0]) }
        var head = stream.headBuffer()
        withForwardedTarget { target in
            let bound =
                template.headBound(targetBytes: target.count, errorBytes: error.byteCount) + (extensions?.count ?? 0)
            head.reserveCapacity(bound + 256)
            _ = head.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) {
                template.writeHead(
                    error: error, target: target, expires: expires, isPage: isPage, extensions: extensions, into: $0)
            }
            if isPage {
                loop.scratch.clear()
                loop.scratch.writeBytes(template.page.bytes)
            } else {
                writeChallengeBody(template, error, target: target)
            }
        }
        if let receipt, let form = payment?.payment.form { head.writeBytes(receipt.headerLine(form: form)) }
        if let (tier, outcome) = freeLeft { tier.writeFields(outcome, now: loop.now(), to: &head) }
        writeAllowOrigin(to: &head)
        send(consume head, loop.scratch, message: error.text)
    }

    /// 402 for a payment that is not taken, with what is asked of the request now.
    func refuse(_ reason: ReasonCode, payer: String? = nil) {
        guard let sheet else { return }
        challenge(sheet, .refused(reason, payer: payer))
    }

    /// Writes the body into the loop's scratch, from where it is copied behind the head.
    private func writeChallengeBody(
        _ template: ChallengeTemplate, _ error: ChallengeError, target: UnsafeRawBufferPointer
    ) {
        let bound = template.bodyBound(
            targetBytes: target.count, errorBytes: error.byteCount, requestIDBytes: RequestID.byteCount)
        loop.scratch.clear()
        withUnsafeTemporaryAllocation(byteCount: RequestID.byteCount, alignment: 1) { idBytes in
            id.write(into: idBytes)
            _ = loop.scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) {
                template.writeBody(error: error, target: target, requestID: UnsafeRawBufferPointer(idBytes), into: $0)
            }
        }
    }

    /// 402 or 409 without offers: the client must not sign a second payment.
    func answerWithoutOffers(_ status: NoOfferAnswer.Status, _ reason: ReasonCode, transaction: String = "") {
        self.reason = reason
        if isAbandoned { return log() }
        self.status = status.rawValue
        let receipt = status == .paymentRequired ? payment?.failedReceipt(reason, transaction: transaction) : nil
        let answer = NoOfferAnswer(
            status: status, reason: reason, transaction: transaction, retryAfterSeconds: 2, receipt: receipt,
            form: payment?.payment.form ?? .v2)
        var head = ByteBuffer(bytes: answer.head())
        writeAllowOrigin(to: &head)
        send(head, ByteBuffer(bytes: answer.body(requestID: id.description)), message: reason.rawValue)
    }

    /// An error of ours.
    func answer(_ answer: Answer, receipt: AnswerReceipt = .none) {
        if isAbandoned { return log() }
        status = answer.status
        remark = answer.remark ?? remark
        var head = AnswerWriter.head(answer.status)
        AnswerWriter.writeFields(of: answer, to: &head)
        if route?.isFree == false {
            head.writeStaticString("access-control-expose-headers: ")
            head.writeStaticString(ReturnedHead.exposedFields)
            head.writeStaticString("\r\n")
            writeAllowOrigin(to: &head)
        }
        writeReceipt(receipt, to: &head)
        send(head, AnswerWriter.body(of: answer, id: id), message: answer.message)
    }

    /// Answers a true CORS preflight of a priced route: a browser may pay.
    func answerPreflight(allowing methods: String) {
        status = 204
        var head = ByteBufferAllocator().buffer(capacity: 512)
        head.writeStaticString(
            "HTTP/1.1 204 No Content\r\naccess-control-allow-origin: *\r\naccess-control-allow-methods: ")
        head.writeString(methods)
        head.writeStaticString("\r\naccess-control-allow-headers: ")
        head.writeStaticString(Self.allowedFields)
        if let asked = stream.head.first(.accessControlRequestHeaders), !asked.value.isEmpty {
            head.writeStaticString(", ")
            head.writeImmutableBuffer(stream.head.slice(asked.value))
        }
        head.writeStaticString("\r\naccess-control-max-age: 600\r\nvary: Access-Control-Request-Headers\r\n")
        stream.writeHead(head, body: .none)
        log()
        stream.end(trailers: nil)
    }

    /// Answers an OPTIONS that ends here by its `Max-Forwards`.
    func answerLastHop() {
        status = 204
        stream.writeHead(ByteBuffer(staticString: "HTTP/1.1 204 No Content\r\n"), body: .none)
        log()
        stream.end(trailers: nil)
    }

    /// Request fields that paying clients send; SDKs also send a request field `Access-Control-Expose-Headers`.
    private static let allowedFields: StaticString =
        "PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Payment-Grant, Payment-Retry, Content-Type, Authorization, Access-Control-Expose-Headers"

    /// The state of a payment, for whoever knows its id.
    func answerPaymentStatus(_ publicID: String) {
        let home = loop.home(of: self)
        let ledger = loop.shared.ledger
        let isTaken = loop.shared.desk.submit {
            do throws(LedgerError) {
                let record = try await ledger.payment(publicID: publicID)
                home.post { $0.answerPaymentStatus(record) }
            } catch {
                home.post { $0.answer(.ledgerUnavailable(error)) }
            }
        }
        if !isTaken { answer(.ledgerUnavailable(LedgerError(.busy, "too many questions wait for the ledger"))) }
    }

    private func answerPaymentStatus(_ record: PaymentRecord?) {
        guard let record else {
            answer(.notFound)
            return
        }
        if isAbandoned { return log() }
        status = 200
        let body = JSONValue.object([
            JSONMember("payment", .string(record.reference.identity.publicID)),
            JSONMember("value", .string(record.state.value.word)),
            JSONMember("service", .string(record.state.service.word)),
            JSONMember("transaction", .string(record.transaction ?? "")),
            JSONMember("network", .string(record.claim.network.name)),
            JSONMember("asset", .string(record.claim.asset.description)),
            JSONMember("amount", .string(record.due.description)),
        ])
        var head = AnswerWriter.head(200)
        head.writeStaticString("access-control-allow-origin: *\r\n")
        send(head, ByteBuffer(bytes: body.encoded()), message: "")
    }

    // MARK: Bytes

    private func writeAllowOrigin(to head: inout ByteBuffer) {
        // A page that may not read a 402 cannot pay it; no credentials are allowed with it.
        if stream.head.has(.origin) { head.writeStaticString("access-control-allow-origin: *\r\n") }
    }

    /// Sends a whole answer; `message` is what a gRPC client reads instead of the body.
    private func send(_ head: consuming ByteBuffer, _ body: ByteBuffer, message: @autoclosure () -> String) {
        if status >= 400, GRPCAnswer.isAsked(by: stream.head) {
            stream.writeHead(GRPCAnswer.head(of: head, status: status, message: message()), body: .none)
            log()
            return stream.end(trailers: nil)
        }
        bytesOut = UInt64(body.readableBytes)
        stream.writeHead(consume head, body: .length(bytesOut))
        stream.writeBody(body)
        log()
        stream.end(trailers: nil)
    }

    /// Lends the bytes of the target as it is priced.
    func withForwardedTarget<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        switch target {
        case .asReceived:
            stream.head.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[stream.head.targetRange])) }
        case .part(let range):
            stream.head.withBytes {
                body(
                    UnsafeRawBufferPointer(
                        rebasing: UnsafeRawBufferPointer(rebasing: $0[stream.head.targetRange])[range]))
            }
        case .rewritten(let bytes):
            bytes.withUnsafeBytes(body)
        }
    }
}

extension RequestHead {
    /// Whether a person is likely to read the answer: a browser that asks for a page (the official servers' own test).
    fileprivate var isFromBrowser: Bool {
        guard let accept = first(.accept), let agent = first(.userAgent) else { return false }
        return withBytes { bytes in
            Self.contains("Mozilla", in: UnsafeRawBufferPointer(rebasing: bytes[agent.value]))
                && Self.contains("text/html", in: UnsafeRawBufferPointer(rebasing: bytes[accept.value]))
        }
    }

    private static func contains(_ word: StaticString, in text: UnsafeRawBufferPointer) -> Bool {
        word.withUTF8Buffer { word in
            var start = 0
            while start &+ word.count <= text.count {
                var same = 0
                while same < word.count, text[start &+ same] == word[same] { same &+= 1 }
                if same == word.count { return true }
                start &+= 1
            }
            return false
        }
    }
}

extension ChallengeError {
    /// Says rather why what was paid before could not be used, where that is what the client wanted.
    fileprivate func saying(_ refusal: ReasonCode?) -> ChallengeError {
        guard let refusal else { return self }
        switch self {
        case .unpaid: return .refused(refusal)
        case .refused(.paymentAlreadyUsed, let payer): return .refused(refusal, payer: payer)
        case .refused: return self
        }
    }
}
