package import Primitives

/// Checks a journal in itself, and against the states of the payments.
///
/// Feed it every entry in order, then every subject with its entries, then `finish`. It keeps sums, never the entries.
package struct JournalAudit: Sendable {
    /// Problems that are kept; all are counted.
    private static let kept = 100

    package private(set) var balance = TrialBalance()
    /// The first problems.
    package private(set) var problems: [JournalProblem] = []
    package private(set) var problemCount = 0
    package private(set) var entries = 0
    /// Payments that were compared with their entries.
    package private(set) var payments = 0
    /// Payments from before the journal began, which it does not know.
    package var olderPayments = 0

    private var chain = JournalChain()
    private var digests: [Currency: Bytes32] = [:]
    private let known: JournalChain?

    /// Also checks, if given, that the journal still holds the head of an earlier audit.
    package init(known: JournalChain? = nil) {
        self.known = known
    }

    /// The hash of the last entry: whoever keeps it can prove later that nothing before it was changed.
    package var head: JournalChain { chain }

    /// Takes the next entry in the order of their numbers.
    package mutating func follow(_ entry: JournalEntry) {
        entries += 1
        if entry.number > chain.number + 1 { note(.missing(chain.number + 1, before: entry.number)) }
        var expected = JournalChain(number: entry.number - 1, hash: chain.hash)
        expected.append(entry.line, currency: digest(entry.currency))
        if expected.hash != entry.hash { note(.brokenChain(entry.number)) }
        if let known, known.number == entry.number, known.hash != entry.hash { note(.otherHead(entry.number)) }
        // Goes on from what is written, so that one change is one problem.
        chain = JournalChain(number: entry.number, hash: entry.hash)
        balance.add(entry)
    }

    /// Compares a payment with all entries on it, in order; nil for entries whose payment is not there.
    package mutating func compare(_ subject: Bytes32, _ entries: [JournalEntry], with record: PaymentRecord?) {
        var position = JournalPosition.nothing
        var last: JournalEntry?
        for entry in entries {
            let isSame = last.map { $0.line.amount == entry.line.amount && $0.currency == entry.currency } ?? true
            guard let step = entry.line.kind.positions, step.from == position, isSame else {
                return note(.outOfTurn(entry.number, subject: subject))
            }
            position = step.to
            last = position == .nothing ? nil : entry
        }
        guard let record else { return note(.unknown(subject: subject)) }
        payments += 1
        let expected = JournalPosition(record.state)
        let agrees = last.map { $0.line.amount == record.due && $0.currency == Currency(record.claim) } ?? true
        if position != expected || !agrees {
            note(.disagrees(subject: subject, states: expected, journal: position))
        }
    }

    /// Compares a network fee with all entries on it; nil for entries whose fee is not there.
    package mutating func compare(_ subject: Bytes32, _ entries: [JournalEntry], with fee: UInt256?) {
        guard let fee else { return note(.unknown(subject: subject)) }
        var sum = UInt256.zero
        for entry in entries {
            let next =
                switch entry.line.kind {
                case .fee: sum.adding(entry.line.amount)
                case .feeReversed: sum.subtracting(entry.line.amount)
                default: UInt256?.none
                }
            guard let next else { return note(.outOfTurn(entry.number, subject: subject)) }
            sum = next
        }
        if sum != fee { note(.wrongFee(subject: subject)) }
    }

    /// Compares a credit with all entries on it; nil for entries whose credit is not there.
    package mutating func compare(_ subject: Bytes32, _ entries: [JournalEntry], with credit: Credit?) {
        guard let credit else { return note(.unknown(subject: subject)) }
        var owed = UInt256.zero
        for entry in entries {
            let next =
                entry.line.kind == .deferred ? owed.adding(entry.line.amount) : owed.subtracting(entry.line.amount)
            guard entry.line.kind.isOnCredit, let next else { return note(.outOfTurn(entry.number, subject: subject)) }
            owed = next
        }
        if owed != credit.owed { note(.wrongCredit(subject: subject)) }
    }

    /// Checks what needs all of it.
    package mutating func finish() {
        if let known, known.number > chain.number { note(.cutOff(after: chain.number, before: known.number)) }
        for currency in balance.unbalanced { note(.unbalanced(currency)) }
    }

    private mutating func note(_ problem: JournalProblem) {
        problemCount += 1
        if problems.count < Self.kept { problems.append(problem) }
    }

    private mutating func digest(_ currency: Currency) -> Bytes32 {
        if let digest = digests[currency] { return digest }
        let digest = currency.digest
        digests[currency] = digest
        return digest
    }
}
