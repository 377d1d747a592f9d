import Primitives

/// The credits of a ledger without a disk.
struct MemoryCredits: Sendable {
    /// In order of their opening.
    private(set) var all: [Credit] = []
    private var indices: [PaymentIdentity: Int] = [:]
    private var draws: [Int64: (identity: PaymentIdentity, draw: OpenDraw)] = [:]
    private var lastDraw: Int64 = 0

    subscript(identity: PaymentIdentity) -> Credit? { indices[identity].map { all[$0] } }

    /// Makes the credit of a claim that was granted, in the place of one that ended with an earlier claim.
    mutating func open(_ request: ReserveRequest, books: inout MemoryJournal) {
        guard let terms = request.credit else { return }
        let credit = Credit(terms, of: request.claim, now: request.now)
        if let index = indices[credit.identity] {
            if let line = all[index].line(.voided, all[index].owed, at: request.now) {
                books.write(line, currency: credit.currency)
            }
            draws = draws.filter { $0.value.identity != credit.identity }
            all[index] = credit
        } else {
            indices[credit.identity] = all.count
            all.append(credit)
        }
    }

    mutating func draw(
        _ request: DrawRequest, books: inout MemoryJournal, payment: (PaymentIdentity) -> PaymentState?
    ) -> DrawOutcome {
        var choice = DrawChoice()
        for index in candidates(request.presenter) {
            let state = payment(all[index].identity) ?? PaymentState(value: .released, service: .unused)
            guard choice.consider(all[index], request, payment: state) else { break }
        }
        guard case .granted(var credit, let amount) = choice.decision, let index = indices[credit.identity] else {
            return choice.refusal
        }
        if let line = credit.defer(at: request.now) { books.write(line, currency: credit.currency) }
        all[index] = credit
        lastDraw += 1
        draws[lastDraw] = (credit.identity, OpenDraw(amount: amount))
        return .granted(
            DrawReference(identity: credit.identity, row: lastDraw, amount: amount, currency: credit.currency),
            left: credit.left)
    }

    mutating func hold(_ bytes: UInt64?, for reference: DrawReference) -> UInt64? {
        guard let draw = draws[reference.row], draw.identity == reference.identity,
            let index = indices[reference.identity], let held = all[index].holding(bytes, for: draw.draw)
        else { return nil }
        all[index] = held.credit
        draws[reference.row]?.draw.bytes = all[index].bytesLeft == nil ? 0 : held.bytes
        return held.bytes
    }

    mutating func end(
        _ reference: DrawReference, _ end: DrawEnd, now: UnixTime, books: inout MemoryJournal
    ) -> CreditLeft {
        guard let index = indices[reference.identity] else { return CreditLeft() }
        guard let open = draws[reference.row], open.identity == reference.identity else { return all[index].left }
        draws[reference.row] = nil
        let ended = all[index].ending(open.draw, end)
        all[index] = ended.credit
        if let line = ended.credit.line(.drawn, ended.charged, at: now) {
            books.write(line, currency: ended.credit.currency)
        }
        return ended.credit.left
    }

    mutating func refund(
        _ identity: PaymentIdentity, now: UnixTime, books: inout MemoryJournal
    ) -> (credit: Credit, amount: UInt256)? {
        guard let index = indices[identity], var refund = all[index].refunding() else { return nil }
        if let line = refund.credit.defer(at: now) { books.write(line, currency: refund.credit.currency) }
        if let line = refund.credit.line(.refunded, refund.amount, at: now) {
            books.write(line, currency: refund.credit.currency)
        }
        all[index] = refund.credit
        return refund
    }

    /// Gives back what draws hold that no process will end.
    mutating func releaseAll() {
        for (_, open) in draws {
            guard let index = indices[open.identity] else { continue }
            all[index] = all[index].ending(open.draw, .release).credit
        }
        draws = [:]
    }

    private func candidates(_ presenter: CreditPresenter) -> [Int] {
        switch presenter {
        case .claim(let reference):
            return indices[reference.identity].map { [$0] } ?? []
        case .token(let token, let payment):
            return all.indices.filter { all[$0].isOpened(by: token, payment: payment) }
        case .payer(let payer):
            return all.indices.filter { all[$0].payer == payer }
        }
    }
}
