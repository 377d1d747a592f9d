import NIOCore
import Transport

/// HTTP/2 connections: whatever a client sends, exchanges end once and only whole frames leave.
///
/// The first byte of an input says whether exchanges are answered, the second seeds the cuts and what is answered; behind
/// them come frames.
enum HTTP2Fuzz {
    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count >= 2 else { return nil }
        let frames = Array(bytes[2...])
        let isAnswered = bytes[0] & 1 == 0
        var cuts = PieceSizes(seed: bytes[1])
        do {
            let cut = try HTTP2Client(seed: bytes[1], isAnswered: isAnswered)
            cut.send(frames) { cuts.next() }
            if let fault = cut.end() ?? (isAnswered ? nil : cut.unended) { return fault }
            if isAnswered { return nil }
            let whole = try HTTP2Client(seed: bytes[1], isAnswered: false)
            whole.send(frames) { frames.count }
            return whole.end() ?? whole.unended ?? difference(whole.exchanges, cut.exchanges)
        } catch {
            return "the channel failed: \(error)"
        }
    }

    /// What one connection got to read and the other did not, up to the end of the shorter.
    ///
    /// Ends differ: how much a client makes us queue depends on how often we get to send.
    private static func difference(_ whole: [FuzzedExchange], _ cut: [FuzzedExchange]) -> String? {
        for (one, other) in zip(whole, cut) {
            if one.head != other.head { return "cut differently, other heads" }
            if !one.body.starts(with: other.body), !other.body.starts(with: one.body) {
                return "cut differently, other bodies"
            }
        }
        return nil
    }
}
