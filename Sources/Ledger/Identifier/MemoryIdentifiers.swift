import Primitives

/// The ids of a ledger without a disk.
struct MemoryIdentifiers: Sendable {
    private var entries: [Bytes32: IdentifierEntry] = [:]
    private var keys: [PaymentIdentity: Bytes32] = [:]
    private var answerBytes = 0
    private let maximum: Int
    private let maximumBytes: Int

    init(
        maximum: Int = IdentifierLimits.maximumIdentifiers, maximumBytes: Int = IdentifierLimits.maximumAnswerBytes
    ) {
        self.maximum = maximum
        self.maximumBytes = maximumBytes
    }

    /// What is remembered under a key.
    func entry(_ key: Bytes32, now: UnixTime) -> IdentifierEntry? {
        entries[key].flatMap { now < $0.expiresAt ? $0 : nil }
    }

    /// Whether one more can be remembered; removes what is over.
    mutating func hasRoom(now: UnixTime) -> Bool {
        if entries.count < maximum { return true }
        for (key, entry) in entries where now >= entry.expiresAt { remove(key) }
        return entries.count < maximum
    }

    /// Remembers what the id of a claim was used for.
    mutating func bind(_ claim: IdentifierClaim, to payment: PaymentIdentity) {
        remove(claim.key)
        entries[claim.key] = IdentifierEntry(
            fingerprint: claim.fingerprint, payment: payment, expiresAt: claim.expiresAt)
        keys[payment] = claim.key
    }

    /// Forgets the id of a payment that came to nothing.
    mutating func free(_ payment: PaymentIdentity) {
        if let key = keys[payment] { remove(key) }
    }

    /// Keeps an answer where there is room for it.
    mutating func keep(_ answer: KeptAnswer, under key: Bytes32, of payment: PaymentIdentity) {
        guard let entry = entries[key], entry.payment == payment, entry.answer == nil,
            answerBytes + answer.byteCount <= maximumBytes
        else { return }
        entries[key]?.answer = answer
        answerBytes += answer.byteCount
    }

    private mutating func remove(_ key: Bytes32) {
        guard let old = entries.removeValue(forKey: key) else { return }
        answerBytes -= old.answer?.byteCount ?? 0
        if keys[old.payment] == key { keys[old.payment] = nil }
    }
}
