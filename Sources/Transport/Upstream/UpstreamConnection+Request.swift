import NIOCore

extension UpstreamConnection {
    /// Writes the head with its framing, and flushes unless the body is about to follow.
    func sendHead(_ request: UpstreamRequest) {
        if request.isPaused { pausedChanged() }
        if request.body == .none {
            isRequestOver = true
            updateDeadline()
            progress.wrote(request.head.readableBytes)
            if let direct {
                direct.send(request.head)
            } else {
                context?.writeAndFlush(NIOAny(request.head), promise: nil)
            }
            return
        }
        isRequestOver = false
        updateDeadline()
        if output.isEmpty { output.start(pool.spares.take()) }
        write(request.head)
        pool.spares.put(request.takeHead())
        writeFraming(request.body)
        if request.isStarting { return }
        // The caller's flushes, if any, came before the connection.
        let awaitsBody = request.sendEarly(self)
        guard awaitsBody, request.isActive else { return }
        flush()
        request.handler?.upstreamWritable()
    }

    private func writeFraming(_ body: RequestBody) {
        if case .length(let length) = body {
            remaining = length
            output.append { buffer in
                buffer.writeLines { lines in
                    lines.writeContentLength(length)
                    lines.write("\r\n")
                }
            }
        } else {
            output.append { $0.writeStaticString("transfer-encoding: chunked\r\n\r\n") }
        }
    }

    func writeBody(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        guard !isRequestOver, count > 0, let request else { return }
        if phase == .tunnel { return write(bytes) }
        switch request.body {
        case .none:
            break
        case .length:
            guard UInt64(count) <= remaining else { return breakOff(.brokenOff) }
            remaining -= UInt64(count)
            write(bytes)
        case .stream:
            output.append { $0.writeChunkSize(count) }
            write(bytes)
            output.append { $0.writeStaticString("\r\n") }
        }
    }

    func endRequest(trailers: ByteBuffer?) {
        guard !isRequestOver, let request else { return }
        if phase == .tunnel { return endTunnelOutput() }
        if request.body == .stream {
            output.append { $0.writeStaticString("0\r\n") }
            if let trailers { write(trailers) }
            output.append { $0.writeStaticString("\r\n") }
        } else if remaining > 0 {
            return breakOff(.brokenOff)
        }
        isRequestOver = true
        updateDeadline()
        flush()
    }

    func flush() {
        guard let context else { return }
        if let gathered = output.take() {
            progress.wrote(gathered.readableBytes)
            if let direct {
                direct.send(gathered)
            } else {
                context.writeAndFlush(NIOAny(gathered), promise: nil)
            }
            pool.spares.put(gathered)
        } else {
            context.flush()
        }
    }

    private func write(_ bytes: ByteBuffer) {
        let (first, second) = output.add(bytes)
        if let first { pass(first) }
        if let second { pass(second) }
    }

    private func pass(_ bytes: ByteBuffer) {
        progress.wrote(bytes.readableBytes)
        context?.write(NIOAny(bytes), promise: nil)
    }
}
