import Ledger
import NIOCore
import Primitives

extension BodyPrint {
    /// No body: a redelivery must have none either.
    static let empty = BodyPrint(length: 0, digest: SHA256.hash([UInt8]()), isComplete: true)
}

/// Prints a request body as it flows upstream, so that a redelivery can be bound to it.
final class BodyPrinter {
    private var hash: SHA256?
    private var length: UInt64 = 0
    private var isComplete = false

    init() { hash = SHA256() }

    func update(_ bytes: ByteBuffer) {
        length &+= UInt64(bytes.readableBytes)
        bytes.withUnsafeReadableBytes { hash?.update($0) }
    }

    func finish() { isComplete = true }

    /// The print of what the upstream was shown; nil once it was taken.
    func takePrint() -> BodyPrint? {
        guard let hash = hash.take() else { return nil }
        return BodyPrint(length: length, digest: hash.finish(), isComplete: isComplete)
    }
}

/// Holds a redelivery's body back until it is shown to be the one that was paid for.
struct BodyCheck {
    /// Bytes held at most; a payment whose first body was longer is redelivered only without one.
    static let maximumBytes: UInt64 = 1024 * 1024

    enum Verdict: Equatable { case undecided, same, different }

    let print: BodyPrint
    private(set) var bytes = ByteBuffer()
    private var verdict = Verdict.undecided

    init(_ print: BodyPrint) { self.print = print }

    /// Whether a body of this length can be held at all.
    var isPossible: Bool { print.length <= Self.maximumBytes }

    mutating func received(_ piece: ByteBuffer) -> Verdict {
        var piece = piece
        bytes.writeBuffer(&piece)
        if UInt64(bytes.readableBytes) < print.length { return .undecided }
        if UInt64(bytes.readableBytes) > print.length, print.isComplete { return .different }
        // A complete print must also see the end of the body.
        return print.isComplete ? .undecided : compare()
    }

    func ended() -> Verdict {
        UInt64(bytes.readableBytes) < print.length ? .different : compare()
    }

    private func compare() -> Verdict {
        let digest = bytes.withUnsafeReadableBytes { all in
            SHA256.hash(UnsafeRawBufferPointer(rebasing: all[..<Int(print.length)]))
        }
        return digest == print.digest ? .same : .different
    }
}
