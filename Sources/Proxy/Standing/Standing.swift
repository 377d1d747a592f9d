import Ledger
import NIOCore
import Primitives
import X402

/// What a request of a priced route is served on, instead of a payment of its own or beside it.
struct Standing {
    enum Kind {
        /// Taken from what is free.
        case free(FreeTier, AllowanceClaim, AllowanceOutcome)
        /// Drawn on what an earlier payment, or the one that came with the request, opened.
        case credit(DrawReference, CreditLeft)
    }

    let kind: Kind
    /// Whether the upstream said what counts as delivered, and the answer goes out.
    var isServed = false
    /// Whether the upstream broke its answer off.
    var isBroken = false

    init(_ kind: Kind) { self.kind = kind }

    /// Whether the answer is what somebody paid for.
    var isPaid: Bool {
        if case .credit = kind { true } else { false }
    }

    /// Writes what is left into the head of an answer, or behind it; `charged` is what was charged to the balance once that
    /// is known.
    func writeFields(now: UnixTime, charged: UInt256? = nil, to buffer: inout ByteBuffer) {
        switch kind {
        case .free(let tier, _, let outcome): tier.writeFields(outcome, now: now, to: &buffer)
        case .credit(let draw, var left):
            if let charged, let held = draw.amount.subtracting(charged) {
                left.amount = left.amount.flatMap { $0.adding(held) }
            }
            left.writeField(charged: charged, to: &buffer)
        }
    }
}

extension CreditLeft {
    /// Writes `Payment-Credit`, an RFC 8941 dictionary of what is left; the amount is a string, since integers there end at
    /// 15 digits.
    func writeField(charged: UInt256? = nil, to buffer: inout ByteBuffer) {
        var members: [String] = []
        if let amount { members.append("amount=\"\(amount)\"") }
        if let charged { members.append("charged=\"\(charged)\"") }
        if let uses { members.append("uses=\(uses)") }
        if let bytes { members.append("bytes=\"\(bytes)\"") }
        if let expiresAt { members.append("expires=\(expiresAt.seconds)") }
        guard !members.isEmpty else { return }
        buffer.writeStaticString("payment-credit: ")
        buffer.writeString(members.joined(separator: ", "))
        buffer.writeStaticString("\r\n")
    }
}

extension DrawRefusal {
    /// The reason that a 402 gives.
    var reason: ReasonCode {
        let word =
            switch self {
            case .spent: "credit_spent"
            case .held: "credit_in_use"
            case .expired: "credit_expired"
            case .elsewhere: "credit_for_another_resource"
            case .notSettled: "credit_not_settled"
            }
        return ReasonCode(rawValue: word)
    }
}
