package import Primitives

/// What a payment bought and has not used up; all judgement on credits is made on this value.
///
/// Of a balance: `total = charged + held + refunded + left`, always.
package struct Credit: Hashable, Sendable {
    package var identity: PaymentIdentity
    package var payer: String
    package var currency: Currency
    package var terms: CreditTerms
    package var openedAt: UnixTime
    package var expiresAt: UnixTime?
    package var usesLeft: UInt32?
    package var bytesLeft: UInt64?
    /// Of `bytesLeft`, what answers under way may still take.
    package var bytesHeld: UInt64 = 0
    /// The amount of the payment; zero for a grant.
    package var total: UInt256
    package var charged = UInt256.zero
    package var held = UInt256.zero
    package var refunded = UInt256.zero
    /// Whether the books have the balance as owed to the payer: from the first draw on.
    package var isDeferred = false

    /// The credit of a granted claim.
    package init(_ terms: CreditTerms, of claim: Claim, now: UnixTime) {
        identity = claim.identity
        payer = claim.payer
        currency = Currency(claim)
        self.terms = terms
        openedAt = now
        expiresAt = terms.seconds.map { now.adding(seconds: $0) }
        usesLeft = terms.uses
        bytesLeft = terms.bytes
        total = terms.isBalance ? claim.amount : .zero
    }

    /// A credit as a store keeps it.
    package init(
        identity: PaymentIdentity, payer: String, currency: Currency, terms: CreditTerms, openedAt: UnixTime,
        expiresAt: UnixTime?, usesLeft: UInt32?, bytesLeft: UInt64?, bytesHeld: UInt64, total: UInt256,
        charged: UInt256, held: UInt256, refunded: UInt256, isDeferred: Bool
    ) {
        self.identity = identity
        self.payer = payer
        self.currency = currency
        self.terms = terms
        self.openedAt = openedAt
        self.expiresAt = expiresAt
        self.usesLeft = usesLeft
        self.bytesLeft = bytesLeft
        self.bytesHeld = bytesHeld
        self.total = total
        self.charged = charged
        self.held = held
        self.refunded = refunded
        self.isDeferred = isDeferred
    }

    /// Of the balance, what nothing has a claim on.
    package var balance: UInt256 {
        total.subtracting(charged)?.subtracting(held)?.subtracting(refunded) ?? .zero
    }

    /// What the books have as owed to the payer.
    package var owed: UInt256 {
        isDeferred ? total.subtracting(charged)?.subtracting(refunded) ?? .zero : .zero
    }

    package var left: CreditLeft {
        CreditLeft(
            amount: terms.isBalance ? balance : nil, uses: usesLeft, bytes: bytesLeft.map { $0 - min(bytesHeld, $0) },
            expiresAt: expiresAt)
    }

    /// What stands for the credit in the books, beside the payment itself.
    package var subject: Bytes32 { Self.subject(of: identity) }

    package static func subject(of identity: PaymentIdentity) -> Bytes32 {
        identity.key.withBytes { key in SHA256.hash([UInt8]("credit\u{0}".utf8) + [UInt8](key)) }
    }
}

// MARK: - Steps

extension Credit {
    /// What a draw makes of the credit, or why it is refused.
    package enum DrawDecision: Hashable, Sendable {
        /// The credit as it is then, and what the draw holds.
        case granted(Credit, amount: UInt256)
        case refused(DrawRefusal)
    }

    /// Judges a draw; `payment` is the state of the payment that the credit came from.
    package func draw(_ request: DrawRequest, payment: PaymentState) -> DrawDecision {
        guard request.scopes.contains(terms.scope) else { return .refused(.elsewhere) }
        guard payment.value == .settled else { return .refused(.notSettled) }
        if let expiresAt, request.now >= expiresAt { return .refused(.expired) }
        if usesLeft == 0 { return .refused(.spent) }
        if let bytesLeft, bytesLeft <= bytesHeld { return .refused(bytesLeft == 0 ? .spent : .held) }
        var next = self
        var amount = UInt256.zero
        if terms.isBalance {
            guard let wanted = request.amount.inCurrency(currency) else { return .refused(.elsewhere) }
            amount = wanted
            if amount > balance {
                guard request.takesLess, balance > .zero else { return .refused(isEnough(amount) ? .held : .spent) }
                amount = balance
            }
            guard let held = held.adding(amount) else { return .refused(.spent) }
            next.held = held
        }
        if let usesLeft { next.usesLeft = usesLeft - 1 }
        return .granted(next, amount: amount)
    }

    /// Whether the amount would be there if nothing that is held were charged.
    private func isEnough(_ amount: UInt256) -> Bool {
        guard held > .zero, let unheld = balance.adding(held) else { return false }
        return amount <= unheld
    }

    /// The credit once a draw has ended, and what was charged.
    package func ending(_ draw: OpenDraw, _ end: DrawEnd) -> (credit: Credit, charged: UInt256) {
        var next = self
        next.held = held.subtracting(draw.amount) ?? .zero
        next.bytesHeld -= min(bytesHeld, draw.bytes)
        switch end {
        case .post(let charge, let bytes):
            let charge = min(charge, draw.amount)
            next.charged = charged.adding(charge) ?? charged
            if let bytesLeft { next.bytesLeft = bytesLeft - min(bytesLeft, bytes) }
            return (next, charge)
        case .release:
            if let usesLeft, let all = terms.uses { next.usesLeft = min(usesLeft + 1, all) }
            return (next, .zero)
        }
    }

    /// Holds bytes for the answer of a draw, in the place of what it held before: all that are left where its length is not
    /// known; nil where there are not so many.
    package func holding(_ bytes: UInt64?, for draw: OpenDraw) -> (credit: Credit, bytes: UInt64)? {
        guard let bytesLeft else { return (self, bytes ?? .max) }
        var next = self
        next.bytesHeld -= min(bytesHeld, draw.bytes)
        let free = bytesLeft - min(next.bytesHeld, bytesLeft)
        let wanted = bytes ?? free
        guard wanted <= free, free > 0 || bytes == 0 else { return nil }
        next.bytesHeld += wanted
        return (next, wanted)
    }

    /// The credit once what is left of its balance was paid back; nil while draws are open.
    package func refunding() -> (credit: Credit, amount: UInt256)? {
        guard terms.isBalance, held == .zero, balance > .zero, let sum = refunded.adding(balance) else { return nil }
        var next = self
        next.refunded = sum
        return (next, balance)
    }
}

/// A draw that has not ended, as a store keeps it.
package struct OpenDraw: Hashable, Sendable {
    package var amount: UInt256
    /// Bytes held for its answer.
    package var bytes: UInt64

    package init(amount: UInt256, bytes: UInt64 = 0) {
        self.amount = amount
        self.bytes = bytes
    }
}
