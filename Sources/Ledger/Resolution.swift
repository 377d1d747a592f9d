package import Primitives
import X402

/// What an operator found out about a payment that no rail can tell about.
package enum Resolution: Hashable, Sendable {
    /// The value moved; the transaction may be left out where the record knows it.
    case settled(transaction: String?)
    /// The value did not move and cannot.
    case released
}

/// The answer to an operator's word.
package enum ResolveOutcome: Hashable, Sendable {
    case resolved(PaymentRecord)
    /// Only `uncertain` and `owed` are open to it: anything else a rail or the program itself brings to its end.
    case refused(PaymentState)
    case transactionMissing
    /// The transaction settled another payment.
    case transactionTaken
    case unknownPayment
}

extension PaymentEntry {
    /// The entry as an operator's word leaves it, with the reason; nil where the word is refused.
    ///
    /// What ran is never released: with its value gone it is written off, a debt of its payer. What ran and was settled is
    /// delivered, so that nothing opens it again.
    package func resolved(as resolution: Resolution, reason: String, now: UnixTime) -> PaymentEntry? {
        guard record.state.value == .uncertain || record.state.value == .owed else { return nil }
        var next: PaymentEntry?
        switch resolution {
        case .settled(let transaction):
            guard let transaction = transaction ?? record.transaction else { return nil }
            next = after(.settled(transaction: transaction, forwardingUntil: nil), now: now)
            if record.hasRun, record.state.service == .forwarding { next = next?.after(.delivered, now: now) }
        case .released where record.hasRun || record.state.value == .owed:
            let owed = record.state.value == .owed ? self : after(.owed, now: now)
            next = owed?.after(.writtenOff(reason: reason), now: now)
        case .released:
            next = after(.released(reason: reason), now: now)
        }
        next?.record.reason = reason
        return next
    }
}

extension PaymentRecord {
    /// Why a resolution that `PaymentEntry.resolved` refused was refused.
    package func refusal(of resolution: Resolution) -> ResolveOutcome {
        let isOpen = state.value == .uncertain || state.value == .owed
        return isOpen && resolution == .settled(transaction: nil) ? .transactionMissing : .refused(state)
    }

    /// The transaction that settled this payment and can settle no other; nil on a chain, where one settles many.
    package var transactionToBind: String? {
        state.value == .settled && claim.network.chainID == nil ? transaction : nil
    }

    /// Whether the upstream has run for this payment, so that a release would run it again for nothing.
    package var hasRun: Bool {
        switch state.service {
        case .delivered: true
        case .forwarding: claim.timing != .before
        case .unused, .undelivered: false
        }
    }
}
