import NIOCore

extension ServerConnection {
    func writeInformational(_ head: ByteBuffer) {
        guard responsePhase == .awaitsHead, stream?.head.isHTTP10 == false else { return }
        owesContinue = owesContinue && head.statusOfHead != 100
        write(head)
        needsFlush = true
        settle()
    }

    func writeHead(_ head: consuming ByteBuffer, body kind: ResponseBody, hasDate: Bool) {
        guard responsePhase == .awaitsHead, let stream else { return }
        framing = ResponseFraming(
            status: head.statusOfHead, method: stream.head.method, isHTTP10: stream.head.isHTTP10, body: kind,
            keepAlive: !stream.closesAfterResponse && !loop.isDraining && !leavesBodyUnread)
        responsePhase = .body
        if case .length(let length) = framing.coding { remaining = length }
        let framing = framing
        let isHTTP10 = stream.head.isHTTP10
        let date = hasDate || head.hasDateLine ? noBytes : loop.date.line
        let isComplete: Void? =
            output.isEmpty
            ? head.modifyIfUniquelyOwned { Self.writeFraming(framing, isHTTP10: isHTTP10, date: date, to: &$0) } : nil
        if isComplete != nil {
            output.start(consume head)
        } else {
            if output.isEmpty { output.start(loop.spares.take()) }
            write(head)
            output.append { Self.writeFraming(framing, isHTTP10: isHTTP10, date: date, to: &$0) }
        }
    }

    /// Writes the lines that the handler left to the stream, and the empty line.
    private static func writeFraming(
        _ framing: ResponseFraming, isHTTP10: Bool, date: ByteBuffer, to buffer: inout ByteBuffer
    ) {
        buffer.writeLines { lines in
            if let length = framing.contentLength { lines.writeContentLength(length) }
            if framing.coding == .chunked { lines.write("transfer-encoding: chunked\r\n") }
            if framing.closes {
                lines.write("connection: close\r\n")
            } else if isHTTP10 {
                lines.write("connection: keep-alive\r\n")
            }
            date.withUnsafeReadableBytes { lines.write($0) }
            lines.write("\r\n")
        }
    }

    /// Whether so much of the body will stay unread that the connection cannot go on (RFC 9112 §9.3).
    private var leavesBodyUnread: Bool {
        guard !isRequestOver, !isBodyAccepted else { return false }
        // A client that waits for 100 Continue may send the body or leave it out: only closing is unambiguous.
        if owesContinue { return true }
        return (body.announced ?? 0) > UInt64(limits.maxDrainedBytes)
    }

    func writeBody(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        guard responsePhase == .body, count > 0 else { return }
        if isTunnel { updateDeadline() }
        switch framing.coding {
        case .nothing:
            break
        case .length:
            guard UInt64(count) <= remaining else { return breakOff(.aborted) }
            remaining -= UInt64(count)
            write(bytes)
        case .chunked:
            output.append { $0.writeChunkSize(count) }
            write(bytes)
            output.append { $0.writeStaticString("\r\n") }
        case .untilClose:
            write(bytes)
        }
    }

    func endResponse(trailers: ByteBuffer?) {
        guard responsePhase == .body else {
            if responsePhase == .awaitsHead { breakOff(.aborted) }
            return
        }
        if isTunnel { return endTunnelOutput() }
        if case .length = framing.coding, remaining > 0 { return breakOff(.aborted) }
        if framing.coding == .chunked {
            output.append { $0.writeStaticString("0\r\n") }
            if let trailers { write(trailers) }
            output.append { $0.writeStaticString("\r\n") }
        }
        responsePhase = .over
        needsFlush = true
        drained = 0
        if isRequestOver {
            endExchange()
        } else {
            handler = nil
            stream?.isActive = false
            abandonBody()
        }
        settle()
    }

    /// Decides what becomes of the body that the handler did not read to its end.
    private func abandonBody() {
        let rest = body.announced ?? 0
        if framing.closes || inputClosed || rest > UInt64(limits.maxDrainedBytes) {
            finishConnection(lingers: !inputClosed)
        } else {
            deadline = loop.sweep.deadline(after: limits.bodyIdleTimeout)
            pump()
        }
    }

    /// Puts bytes into the output, in order.
    func write(_ bytes: ByteBuffer) {
        let (first, second) = output.add(bytes)
        if let first { pass(first) }
        if let second { pass(second) }
    }

    private func pass(_ bytes: ByteBuffer) {
        progress.wrote(bytes.readableBytes)
        context?.write(NIOAny(bytes), promise: nil)
    }

    /// Flushes now, or at the end of the read event.
    func flushSoon() {
        needsFlush = true
        settle()
    }

    func flushNow() {
        needsFlush = false
        guard let context, phase == .idle || phase == .exchange else { return }
        if let gathered = output.take() {
            progress.wrote(gathered.readableBytes)
            if let direct {
                direct.send(gathered)
            } else {
                context.writeAndFlush(NIOAny(gathered), promise: nil)
            }
            loop.spares.put(gathered)
        } else {
            context.flush()
        }
    }
}
