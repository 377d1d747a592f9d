import Ledger
import Primitives
import Testing

@Suite("The book of exposures")
struct ExposureBookTests {
    /// A seeded stream of numbers (SplitMix64).
    struct Dice {
        var state: UInt64

        mutating func roll(_ sides: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((z ^ (z >> 31)) % UInt64(sides))
        }
    }

    /// The verdicts on claims of every payer under many limits: what can be seen of a book.
    static func view(_ book: ExposureBook) -> [ExposureVerdict] {
        (0..<3).flatMap { payer in
            (0...12).flatMap { factor -> [ExposureVerdict] in
                let bound = ExposureConformanceTests.times(UInt64(factor))
                let terms = [
                    ExposureTerms(balance: bound), ExposureTerms(perPayer: bound), ExposureTerms(total: bound),
                ]
                return terms.map { terms in
                    book.verdict(on: ExposureConformanceTests.batched(99, terms, payer: "payer-\(payer)")) { _ in 0 }
                }
            }
        }
    }

    @Test(
        "is what its open payments and debts make it, after any history, and taken back step by step", arguments: 1...20
    )
    func historiesAndTheirReverse(seed: UInt64) {
        var dice = Dice(state: seed)
        var book = ExposureBook()
        var entries: [PaymentEntry] = []
        var changes: [ExposureChange] = []
        var views = [Self.view(book)]
        for step in 0..<60 {
            if entries.isEmpty || dice.roll(3) == 0 {
                let request = ExposureConformanceTests.batched(
                    UInt64(step), nil, payer: "payer-\(dice.roll(3))", client: Sample.bytes(UInt64(dice.roll(4))))
                let entry = PaymentEntry(granting: request, row: Int64(step))
                guard let change = book.change(from: nil, to: entry) else { continue }
                entries.append(entry)
                changes.append(change)
                book.apply(change)
            } else {
                let index = dice.roll(entries.count)
                let event = Sample.events[dice.roll(Sample.events.count)]
                guard let next = entries[index].after(event, now: Sample.validBefore) else { continue }
                let change = book.change(from: entries[index], to: next)
                entries[index] = next
                guard let change else { continue }
                changes.append(change)
                book.apply(change)
            }
            views.append(Self.view(book))
        }

        var loaded = ExposureBook()
        for entry in entries { loaded.load(entry) }
        for debt in book.allDebts { loaded.load(debt) }
        #expect(Self.view(loaded) == Self.view(book))

        for change in changes.reversed() {
            #expect(views.removeLast() == Self.view(book))
            book.revert(change)
        }
        #expect(Self.view(book) == Self.view(ExposureBook()))
        #expect(book.allDebts.isEmpty)
    }

    @Test("asks for a payer's history only where a newcomer's rule decides")
    func historyIsLazy() {
        let book = ExposureBook()
        var asked = 0
        func ask(_ request: ReserveRequest) -> ExposureVerdict {
            book.verdict(on: request) { _ in
                asked += 1
                return 0
            }
        }
        let rule = ExposureTerms(newcomer: NewcomerRule(payments: 1))
        #expect(ask(Sample.request(opening: .settling, exposure: rule)) == .asAsked)
        #expect(ask(ExposureConformanceTests.batched(1, nil)) == .asAsked)
        #expect(asked == 0)
        #expect(ask(ExposureConformanceTests.batched(1, rule)) == .settleFirst)
        #expect(asked == 1)
    }
}
