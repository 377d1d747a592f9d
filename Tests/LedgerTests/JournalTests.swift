import Ledger
import Primitives
import Testing
import X402

@Suite("The journal")
struct JournalTests {
    static let currency = Currency(Sample.claim())

    static func line(
        _ kind: JournalKind, _ subject: UInt64 = 7, amount: UInt256 = UInt256(10_000), isSellers: Bool = false,
        at: UnixTime = Sample.start
    ) -> JournalLine {
        JournalLine(
            kind: kind, isSellers: isSellers, at: at, subject: Sample.identity(subject).key, amount: amount)
    }

    @Test("binds its entries as documented; the hashes were computed outside this program")
    func vectors() {
        let coin = Currency(network: Network(chainID: 8453), asset: nil)
        #expect("\(Self.currency.digest)" == "0x4968538cb1542f1d3f94dd927f8a5c70d3988134d4457c28f3fc5a978f6da47b")
        #expect("\(coin.digest)" == "0x8076a2a4d0c41e520394f537d2f2f6298d175def51f5727a30c155f2ad48e8ad")
        var first = Self.line(.sale)
        var second = Self.line(.saleReversed, amount: .max, isSellers: true, at: Sample.start.adding(seconds: 5))
        var third = Self.line(.fee, amount: .zero, at: UnixTime(-1))
        (first.subject, second.subject, third.subject) = (Sample.bytes(7), Sample.bytes(7), Sample.bytes(7))
        var chain = JournalChain()
        chain.append(first, currency: Self.currency.digest)
        #expect("\(chain.hash)" == "0x691aca79cc9dcf341e8e619388c3096e330c159a43227ff5a2d218c44fd5c02d")
        chain.append(second, currency: Self.currency.digest)
        #expect("\(chain.hash)" == "0xa594fbfd54ed815f31410cc508ccc197f7ce8dff858ca7864bf57ed6ee9177cb")
        chain.append(third, currency: coin.digest)
        #expect("\(chain.hash)" == "0xca6ebe23df7b46dacd719822beac12a0a1a19ca51f79bbce054e1c7abc35d7e5")
        #expect(chain.number == 3)
        let fee = NetworkFee(network: Network(chainID: 8453), transaction: "0xabc", wei: UInt256(1), payments: 1)
        #expect("\(fee.subject)" == "0xb99544298bc21b4d549e6de04a19364196578a8cb2a97e1866b853d02778fb78")
    }

    /// Debit and credit of every kind: what the books of a shop do.
    static let kinds: [(JournalKind, JournalAccount, JournalAccount)] = [
        (.sale, .payer, .revenue), (.credit, .receivable, .revenue), (.collection, .payer, .receivable),
        (.saleReversed, .revenue, .payer), (.collectionReversed, .receivable, .payer),
        (.writeOff, .revenue, .receivable), (.fee, .networkFee, .gas), (.feeReversed, .gas, .networkFee),
    ]

    @Test("debits one account and credits another", arguments: kinds)
    func accounts(kind: JournalKind, debit: JournalAccount, credit: JournalAccount) {
        let entry = JournalEntry(number: 1, line: Self.line(kind), currency: Self.currency, hash: .zero)
        let amount = UInt256(10_000)
        #expect(
            entry.postings == [
                Posting(debit, isDebit: true, amount), Posting(credit, isDebit: false, amount),
            ])
        let sold = kind.accounts(isSellers: true)
        #expect(sold.debit == (debit == .revenue ? .seller : debit))
        #expect(sold.credit == (credit == .revenue ? .seller : credit))
    }

    @Test("has an entry for every way between two positions, and for nothing else")
    func positions() {
        for old in Sample.states {
            for new in Sample.states {
                let ways = (JournalPosition(old), JournalPosition(new))
                let kind = JournalKind.between(old, new)
                #expect((kind == nil) == (ways.0 == ways.1))
                if let positions = kind?.positions { #expect(positions == ways) }
            }
        }
    }

    @Test("takes a payment for owed once it is served, and never before")
    func receivable() {
        for state in Sample.states {
            let expected: JournalPosition =
                switch state.value {
                case .settled: .paid
                case .owed: .receivable
                case .released, .expired, .writtenOff: .nothing
                case .reserved, .settling, .uncertain: state.service == .delivered ? .receivable : .nothing
                }
            #expect(JournalPosition(state) == expected)
        }
    }
}

@Suite("The audit of a journal")
struct JournalAuditTests {
    /// A sound journal: a sale that was reversed and made again, a credit collected, one written off, a fee.
    static let lines: [JournalLine] = [
        JournalTests.line(.sale, 1), JournalTests.line(.credit, 2), JournalTests.line(.saleReversed, 1),
        JournalTests.line(.sale, 1, amount: UInt256(5)), JournalTests.line(.collection, 2),
        JournalTests.line(.credit, 3), JournalTests.line(.writeOff, 3),
    ]

    static let entries: [JournalEntry] = {
        var chain = JournalChain()
        return lines.map { line in
            chain.append(line, currency: JournalTests.currency.digest)
            return JournalEntry(number: chain.number, line: line, currency: JournalTests.currency, hash: chain.hash)
        }
    }()

    static func record(_ number: UInt64, _ value: ValueState, amount: UInt64 = 10_000) -> PaymentRecord {
        var entry = PaymentEntry(granting: Sample.request(number), row: Int64(number))
        entry.record.claim.amount = UInt256(amount)
        entry.record.state = PaymentState(value, .delivered)
        return entry.record
    }

    static let records = [record(1, .settled, amount: 5), record(2, .settled), record(3, .writtenOff)]

    static func problems(
        _ entries: [JournalEntry], _ records: [PaymentRecord] = records
    ) -> [JournalProblem] {
        var audit = JournalAudit()
        for entry in entries { audit.follow(entry) }
        for number in UInt64(1)...3 {
            let subject = Sample.identity(number).key
            audit.compare(
                subject, entries.filter { $0.line.subject == subject },
                with: records.first { $0.reference.identity.key == subject })
        }
        audit.finish()
        return audit.problems
    }

    @Test("finds nothing in a sound journal")
    func sound() {
        #expect(Self.problems(Self.entries) == [])
    }

    @Test("finds an entry that was changed, in any field, and the next one unharmed", arguments: 0..<7)
    func changed(index: Int) {
        let changes: [(inout JournalEntry) -> Void] = [
            { $0.line.amount = UInt256(9_999) }, { $0.line.at = UnixTime(1) }, { $0.line.isSellers = true },
            { $0.line.subject = Sample.identity(9).key }, { $0.hash = .zero }, { $0.currency.asset = nil },
            { $0.line.kind = $0.line.kind == .sale ? .credit : .sale },
        ]
        for change in changes {
            var entries = Self.entries
            change(&entries[index])
            let broken = Self.problems(entries).filter { if case .brokenChain = $0 { true } else { false } }
            let isHash = entries[index].line == Self.entries[index].line && entries[index].hash == .zero
            let expected = isHash && index < 6 ? [Int64(index + 1), Int64(index + 2)] : [Int64(index + 1)]
            #expect(broken == expected.map { .brokenChain($0) })
        }
    }

    @Test("finds an entry that was taken away, wherever it stood", arguments: 0..<7)
    func removed(index: Int) {
        var entries = Self.entries
        entries.remove(at: index)
        let problems = Self.problems(entries)
        if index < 6 { #expect(problems.contains(.missing(Int64(index + 1), before: Int64(index + 2)))) }
        #expect(!problems.isEmpty)
    }

    @Test("finds the end cut off, by the states of the payments", arguments: [1, 4, 6])
    func truncated(count: Int) {
        #expect(!Self.problems(Array(Self.entries.prefix(count))).isEmpty)
    }

    @Test("misses the head of an earlier audit where the end was cut off or written anew")
    func knownHead() {
        let head = JournalChain(number: 5, hash: Self.entries[4].hash)
        func problems(_ entries: [JournalEntry], known: JournalChain) -> [JournalProblem] {
            var audit = JournalAudit(known: known)
            for entry in entries { audit.follow(entry) }
            audit.finish()
            return audit.problems
        }
        #expect(problems(Self.entries, known: head) == [])
        #expect(problems(Array(Self.entries.prefix(5)), known: head) == [])
        #expect(problems(Array(Self.entries.prefix(3)), known: head) == [.cutOff(after: 3, before: 5)])
        #expect(problems([], known: head) == [.cutOff(after: 0, before: 5)])
        #expect(problems(Self.entries, known: JournalChain(number: 5, hash: .zero)) == [.otherHead(5)])
    }

    @Test("finds states that the journal does not tell")
    func states() {
        let subject = Sample.identity(2).key
        #expect(
            Self.problems(Self.entries, [Self.records[0], Self.record(2, .owed), Self.records[2]])
                == [.disagrees(subject: subject, states: .receivable, journal: .paid)])
        #expect(
            Self.problems(Self.entries, [Self.records[0], Self.record(2, .settled, amount: 9), Self.records[2]])
                == [.disagrees(subject: subject, states: .paid, journal: .paid)])
        #expect(Self.problems(Self.entries, [Self.records[0], Self.records[2]]) == [.unknown(subject: subject)])
    }

    @Test("finds a fee that the entries do not add up to")
    func fees() {
        let subject = Sample.identity(5).key
        func problems(_ kinds: [(JournalKind, UInt64)], _ fee: UInt64?) -> [JournalProblem] {
            var audit = JournalAudit()
            let entries = kinds.map { kind, amount in
                JournalEntry(
                    number: 1, line: JournalTests.line(kind, 5, amount: UInt256(amount)),
                    currency: JournalTests.currency, hash: .zero)
            }
            audit.compare(subject, entries, with: fee.map { UInt256($0) })
            return audit.problems
        }
        #expect(problems([(.fee, 5), (.feeReversed, 2)], 3) == [])
        #expect(problems([(.fee, 5)], 3) == [.wrongFee(subject: subject)])
        #expect(problems([], 3) == [.wrongFee(subject: subject)])
        #expect(problems([(.fee, 5)], nil) == [.unknown(subject: subject)])
        #expect(problems([(.feeReversed, 5)], 3) == [.outOfTurn(1, subject: subject)])
        #expect(problems([(.sale, 3)], 3) == [.outOfTurn(1, subject: subject)])
    }

    @Test("counts all problems and keeps the first hundred")
    func bounded() {
        var audit = JournalAudit()
        for number in Int64(1)...300 {
            audit.follow(
                JournalEntry(
                    number: number, line: JournalTests.line(.sale), currency: JournalTests.currency, hash: .zero))
        }
        #expect(audit.problemCount == 300)
        #expect(audit.problems.count == 100)
    }
}
