import Ledger
import NIOCore
import Primitives
import Transport

/// Copies an answer as it goes out, to be given again for its id; lets go of one that is too long.
final class AnswerKeeper {
    let identifier: Bytes32
    private let limit: Int
    private var status = 0
    private var head: [UInt8] = []
    private var length: UInt64?
    private var body: [UInt8] = []
    private var isKept = false

    init(_ identifier: Bytes32, limit: Int) {
        self.identifier = identifier
        self.limit = limit
    }

    /// The head goes out; one that nobody paid for is not kept, nor a part: another may be asked for under the same id.
    func began(_ head: ByteBuffer, status: Int, body: ResponseBody, isPaid: Bool) {
        isKept = isPaid && status != 206 && head.readableBytes <= limit
        guard isKept else { return }
        self.status = status
        self.head = Array(head.readableBytesView)
        if case .length(let count) = body { length = count }
    }

    func add(_ bytes: ByteBuffer) {
        guard isKept else { return }
        isKept = head.count + body.count + bytes.readableBytes <= limit
        if isKept { body.append(contentsOf: bytes.readableBytesView) } else { body = [] }
    }

    /// The whole answer; nil where it is not kept.
    ///
    /// - Parameter hasNoBody: The answer has none whatever its head says.
    func take(answering request: BodyPrint, hasNoBody: Bool) -> KeptAnswer? {
        guard isKept else { return nil }
        isKept = false
        return KeptAnswer(
            status: status, head: head, length: hasNoBody ? length : UInt64(body.count), body: body, request: request)
    }
}
