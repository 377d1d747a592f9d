import NIOCore

extension ServerConnection {
    /// Delivers or drops what is at hand of the request's body; returns whether the cycle goes on.
    func readBody() -> Bool {
        if isTunnel { return readTunnel() }
        if isRequestOver { return deliverEmptyEnd() }
        if responsePhase == .over { return dropBody() }
        guard isBodyAccepted, !isBodyPaused else { return false }
        let step = body.next(&input)
        switch step {
        case .data(let bytes):
            hasDelivered = true
            handler?.bodyReceived(bytes)
            return phase == .exchange
        case .end(let trailers):
            isRequestOver = true
            releaseInput()
            updateDeadline()
            handler?.requestEnded(trailers: trailers)
            return phase == .exchange
        case .incomplete:
            releaseInput()
            if inputClosed {
                breakOff(.peerClosed)
            } else {
                updateDeadline()
            }
            return false
        case .refused(let refusal):
            refuse(refusal)
            return false
        }
    }

    /// Tells the end of a body that is empty by its head, once it is accepted.
    private func deliverEmptyEnd() -> Bool {
        guard !body.isOver, isBodyAccepted, responsePhase != .over else { return false }
        if case .end(let trailers) = body.next(&input) { handler?.requestEnded(trailers: trailers) }
        return phase == .exchange
    }

    /// Drops the rest of a body after its response is over, up to the limit.
    private func dropBody() -> Bool {
        switch body.next(&input) {
        case .data(let bytes):
            drained += bytes.readableBytes
            guard drained > limits.maxDrainedBytes else { return true }
            finishConnection(lingers: true)
            return false
        case .end:
            isRequestOver = true
            endExchange()
            return true
        case .incomplete:
            releaseInput()
            if inputClosed { finishConnection(lingers: false) }
            return false
        case .refused:
            finishConnection(lingers: true)
            return false
        }
    }

    /// Gives the storage of empty input back, so that the channel can read into it again.
    private func releaseInput() {
        if input.readableBytes == 0 { input = noBytes }
    }

    func acceptBody() {
        guard !isBodyAccepted else { return }
        isBodyAccepted = true
        if owesContinue {
            owesContinue = false
            // RFC 9110 §10.1.1: no 100 is needed once the body has begun to arrive.
            if input.readableBytes == 0, responsePhase == .awaitsHead {
                output.append { $0.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }
                needsFlush = true
            }
        }
        updateDeadline()
        pump()
        settle()
    }

    func pauseBody() {
        isBodyPaused = true
        updateDeadline()
    }

    func resumeBody() {
        guard isBodyPaused else { return }
        isBodyPaused = false
        updateDeadline()
        pump()
        settle()
    }

    func abort() {
        guard phase == .exchange else { return }
        if isTunnel, responsePhase == .over { return leaveTunnel() }
        _ = takeHandler()
        close()
    }
}
