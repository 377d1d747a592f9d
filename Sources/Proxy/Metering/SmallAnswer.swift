import NIOCore
import Transport

/// An answer that is held until it is whole, so that its head can tell what it was charged.
struct SmallAnswer {
    let head: ResponseHead
    let receipt: Exchange.AnswerReceipt
    var body: [ByteBuffer] = []
    /// Until then nothing of it was delivered.
    var isWhole = false

    init(_ head: ResponseHead, receipt: Exchange.AnswerReceipt) {
        self.head = head
        self.receipt = receipt
    }
}
