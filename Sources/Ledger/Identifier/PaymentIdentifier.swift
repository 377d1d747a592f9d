package import Primitives

/// The id that a client gave to what it pays for (extension `payment-identifier`), as a claim brings it.
package struct IdentifierClaim: Hashable, Sendable {
    /// Hash of whose id it is and of the id; another payer's is another key.
    package var key: Bytes32
    /// Hash of all that must be the same again, but for the body.
    package var fingerprint: Bytes32
    /// Until when the id is remembered.
    package var expiresAt: UnixTime

    package init(key: Bytes32, fingerprint: Bytes32, expiresAt: UnixTime) {
        self.key = key
        self.fingerprint = fingerprint
        self.expiresAt = expiresAt
    }
}

/// An id as a store keeps it: what it was used for, and what was answered.
package struct IdentifierEntry: Hashable, Sendable {
    package var fingerprint: Bytes32
    /// The payment that it came with.
    package var payment: PaymentIdentity
    package var expiresAt: UnixTime
    /// Nil until the answer went out, and where it was too long.
    package var answer: KeptAnswer?

    package init(fingerprint: Bytes32, payment: PaymentIdentity, expiresAt: UnixTime, answer: KeptAnswer? = nil) {
        self.fingerprint = fingerprint
        self.payment = payment
        self.expiresAt = expiresAt
        self.answer = answer
    }
}

/// An answer that is given again for the same id.
package struct KeptAnswer: Hashable, Sendable {
    package var status: Int
    /// Status line and field lines, as they went out.
    package var head: [UInt8]
    /// What the head says of the body's length; nil where it has none.
    package var length: UInt64?
    package var body: [UInt8]
    /// The request body that it answers.
    package var request: BodyPrint

    package init(status: Int, head: [UInt8], length: UInt64?, body: [UInt8], request: BodyPrint) {
        self.status = status
        self.head = head
        self.length = length
        self.body = body
        self.request = request
    }

    /// What it takes of the store's bound.
    package var byteCount: Int { head.count + body.count }
}

/// Why a claim is refused for its id; nothing was claimed.
package enum IdentifierRefusal: String, Hashable, Sendable {
    /// The id was used for something else.
    case conflict
    /// It was answered, and the answer is not kept, or not shown to whoever asks.
    case answered
    /// As many ids are remembered as may be.
    case full
}

/// What a store keeps of ids at most.
package enum IdentifierLimits {
    /// Beyond, a new id is refused: it could not be told from a used one later.
    package static let maximumIdentifiers = 1_000_000
    /// Bytes of answers; beyond, answers are not kept.
    package static let maximumAnswerBytes = 256 * 1024 * 1024
}
