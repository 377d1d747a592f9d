package import Primitives

/// The choice among the credits that a presenter may draw on: the first that grants, in the order in which they come.
package struct DrawChoice {
    package private(set) var decision: Credit.DrawDecision?
    private var refused: (why: DrawRefusal, left: CreditLeft)?

    package init() {}

    /// Takes the next credit; whether another is worth a look.
    package mutating func consider(_ credit: Credit, _ request: DrawRequest, payment: PaymentState) -> Bool {
        let judged = credit.draw(request, payment: payment)
        guard case .refused(let why) = judged else {
            decision = judged
            return false
        }
        // What is for something else says less than why the right one is no use.
        if refused == nil || refused?.why == .elsewhere { refused = (why, credit.left) }
        return true
    }

    /// The answer where none granted.
    package var refusal: DrawOutcome {
        refused.map { .refused($0.why, left: $0.left) } ?? .unknown
    }
}

extension Credit {
    /// Whether the token is that of the credit, and of the payment that came with it.
    package func isOpened(by token: Bytes32, payment: PaymentIdentity?) -> Bool {
        ConstantTime.equal(terms.token.bytes, token.bytes) && (payment == nil || payment == identity)
    }

    /// The entry of the books for a step, nil where no money moves.
    package func line(_ kind: JournalKind, _ amount: UInt256, at time: UnixTime) -> JournalLine? {
        guard amount > .zero else { return nil }
        return JournalLine(kind: kind, isSellers: false, at: time, subject: subject, amount: amount)
    }

    /// Makes the balance what is owed to the payer, once.
    package mutating func `defer`(at time: UnixTime) -> JournalLine? {
        guard terms.isBalance, !isDeferred else { return nil }
        isDeferred = true
        return line(.deferred, total, at: time)
    }
}
