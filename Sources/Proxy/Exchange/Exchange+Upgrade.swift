import Ledger
import NIOCore
import Transport

/// A connection that has been switched to another protocol.
struct Tunnel {
    /// Whether the client has its 101; before that it may be held for a settlement.
    var isOpen = false
    var bytesIn: UInt64 = 0
    var isClientOver = false
    var isUpstreamOver = false
}

/// Other protocols after a 101: bytes in both directions, which the paywall does not read.
///
/// The 101 delivers what was paid for. From then on the exchange owes the ledger nothing.
extension Exchange {
    func switchedProtocols(_ head: ResponseHead) {
        guard let upgrade, upgrade.isConfirmed(by: head) else {
            upstream?.cancel()
            upstreamFailed(.malformedResponse("upstream: 101 for another protocol"))
            return
        }
        tunnel = Tunnel()
        shadow?.isCharged = true
        decide(head, delivers: true)
    }

    /// Sends the 101, and lets both directions flow.
    func openTunnel(_ head: consuming ByteBuffer) {
        guard case .finish(let delivered) = machine.responseEnded() else {
            unreachable("tunnel")
            return
        }
        if let delivered { write(.delivered, of: delivered) }
        tunnel?.isOpen = true
        bodyPrinter = nil
        bodyAllowance = .max
        answerAllowance = .max
        upgrade?.writeField(to: &head)
        stream.switchProtocols(consume head)
    }

    /// The client has closed its direction.
    func tunnelClientEnded() {
        tunnel?.isClientOver = true
        if tunnel?.isUpstreamOver == true { log() }
        upstream?.end(trailers: nil)
    }

    /// The upstream has closed its direction.
    func tunnelUpstreamEnded() {
        tunnel?.isUpstreamOver = true
        if tunnel?.isClientOver == true { log() }
        stream.end(trailers: nil)
    }

    /// One side is gone: the other has nobody to talk to.
    func tunnelBroke(_ reason: StaticString?) {
        remark = reason ?? remark
        log()
        upstream?.cancel()
        upstream = nil
        stream.abort()
    }
}
