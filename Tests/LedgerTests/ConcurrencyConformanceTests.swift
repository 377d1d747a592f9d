import Ledger
import Primitives
import Synchronization
import Testing

@Suite("Every ledger, asked by many at once,")
struct ConcurrencyConformanceTests {
    static let callers = 256

    /// What `callers` tasks hear that claim at once.
    static func race(
        _ ledger: any PaymentLedger, _ request: @escaping @Sendable (Int) -> ReserveRequest
    ) async throws -> [ReserveOutcome] {
        try await withThrowingTaskGroup(of: ReserveOutcome.self) { group in
            for caller in 0..<callers { group.addTask { try await ledger.reserve(request(caller)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test("grants one payment to exactly one caller", arguments: LedgerKind.allCases)
    func oneGranted(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let outcomes = try await Self.race(ledger) { _ in Sample.request() }
            let granted = outcomes.filter { if case .granted = $0 { true } else { false } }
            #expect(granted.count == 1)
            #expect(outcomes.filter { $0 == .inFlight }.count == Self.callers - 1)
            #expect(try await ledger.payments(PaymentQuery()).count == 1)
        }
    }

    @Test("grants one payment either to the paywall or to a seller", arguments: LedgerKind.allCases)
    func oneOwner(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let outcomes = try await Self.race(ledger) { caller in
                let owner = caller.isMultiple(of: 2) ? Sample.seller("a") : .paywall(Sample.binding)
                return Sample.request(owner: owner, opening: .settling)
            }
            let granted = outcomes.filter { if case .granted = $0 { true } else { false } }
            #expect(granted.count == 1)
            #expect(outcomes.filter { $0 == .used }.count == Self.callers / 2)
        }
    }

    @Test("opens an undelivered payment to exactly one presenter", arguments: LedgerKind.allCases)
    func oneRedelivery(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)
            let reference = try await ledger.grant(Sample.request(opening: opening))
            _ = try await ledger.apply(.undelivered(grant: Sample.grant, client: nil, body: nil), to: reference)
            let outcomes = try await Self.race(ledger) { _ in
                Sample.request(opening: opening, proof: PresenterProof(grant: Sample.grant))
            }
            let opened = ReserveOutcome.redelivery(reference, transaction: "demo-1", body: nil)
            #expect(outcomes.filter { $0 == opened }.count == 1)
            #expect(outcomes.filter { $0 == .inFlight }.count == Self.callers - 1)
            #expect(try await ledger.payment(reference.identity)?.redeliveries == 1)
        }
    }

    @Test("grants different payments all, in rows of their own", arguments: LedgerKind.allCases)
    func independent(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let outcomes = try await Self.race(ledger) { Sample.request(UInt64($0 + 1)) }
            let rows = Set(
                outcomes.compactMap { outcome -> Int64? in
                    guard case .granted(let reference) = outcome else { return nil }
                    return reference.row
                })
            #expect(rows.count == Self.callers)
        }
    }

    @Test("makes one transition once, however many ask", arguments: LedgerKind.allCases)
    func oneTransition(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let reference = try await ledger.grant(Sample.request())
            let outcomes = try await withThrowingTaskGroup(of: ApplyOutcome.self) { group in
                for _ in 0..<Self.callers { group.addTask { try await ledger.apply(.settle, to: reference) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == .applied(PaymentState(.settling, .unused)) }.count == 1)
            #expect(outcomes.filter { $0 == .refused(PaymentState(.settling, .unused)) }.count == Self.callers - 1)
        }
    }

    @Test("replies in the order of submission, and lets a reply submit more", arguments: LedgerKind.allCases)
    func order(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let heard = Mutex<[Int]>([])
            await withCheckedContinuation { continuation in
                for number in 0..<300 {
                    ledger.reserve(Sample.request(UInt64(number + 1))) { _ in
                        heard.withLock { $0.append(number) }
                        guard number == 299 else { return }
                        ledger.reserve(Sample.request(1_000)) { _ in
                            heard.withLock { $0.append(1_000) }
                            continuation.resume()
                        }
                    }
                }
            }
            #expect(heard.withLock { $0 } == Array(0..<300) + [1_000])
        }
    }

    @Test("answers all that was submitted before it closes", arguments: LedgerKind.allCases)
    func closeFinishes(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let granted = Mutex(0)
            for number in 0..<500 {
                ledger.reserve(Sample.request(UInt64(number + 1))) { result in
                    if case .success(.granted) = result { granted.withLock { $0 += 1 } }
                }
            }
            await ledger.close()
            #expect(granted.withLock { $0 } == 500)
        }
    }
}
