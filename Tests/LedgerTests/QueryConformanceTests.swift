import Ledger
import Primitives
import Testing

@Suite("The queries of every ledger")
struct QueryConformanceTests {
    /// Ten payments, a second apart: even ones of another payer, the first three settled, the fourth uncertain, the fifth a
    /// seller's, the last two by another adapter under `batch`.
    static func fill(_ ledger: any PaymentLedger) async throws -> [PaymentReference] {
        var references: [PaymentReference] = []
        for number in 1...10 {
            var request = Sample.request(UInt64(number), opening: .settling)
            if number.isMultiple(of: 2) { request.claim.payer = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" }
            if number == 5 { request.claim.owner = Sample.seller("GET /v1/other") }
            if number > 5 {
                request.claim.owner = .paywall(
                    RequestBinding(route: "GET /v1/other", method: "GET", target: Sample.bytes(1)))
            }
            if number > 8 {
                request.claim.adapter = "arbitrum"
                request.claim.timing = .batch
            }
            request.now = Sample.start.adding(seconds: Int64(number))
            references.append(try await ledger.grant(request))
        }
        for reference in references[..<3] {
            _ = try await ledger.apply(.settled(transaction: "0xabc", forwardingUntil: Sample.lease), to: reference)
        }
        _ = try await ledger.apply(.delivered, to: references[0])
        _ = try await ledger.apply(.uncertain(transaction: nil), to: references[3])
        return references
    }

    static let queries: [(PaymentQuery, [Int])] = [
        (PaymentQuery(), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (PaymentQuery(limit: 3), [10, 9, 8]),
        (PaymentQuery(limit: 0), []),
        (PaymentQuery(value: .settled), [3, 2, 1]),
        (PaymentQuery(value: .settled, service: .forwarding), [3, 2]),
        (PaymentQuery(value: .uncertain), [4]),
        (PaymentQuery(value: .owed), []),
        (PaymentQuery(service: .delivered), [1]),
        (PaymentQuery(payer: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), [10, 8, 6, 4, 2]),
        (PaymentQuery(limit: 2, value: .settling, route: "GET /v1/other"), [10, 9]),
        (PaymentQuery(route: "GET /v1/other"), [10, 9, 8, 7, 6]),
        (PaymentQuery(payer: "' OR 1=1 --"), []),
        (PaymentQuery(adapter: "arbitrum"), [10, 9]),
        (PaymentQuery(adapter: "Arbitrum"), []),
        (PaymentQuery(timing: .before), [8, 7, 6, 5, 4, 3, 2, 1]),
        (PaymentQuery(value: .settling, adapter: "base", timing: .before), [8, 7, 6, 5]),
        (PaymentQuery(since: Sample.start.adding(seconds: 8)), [10, 9, 8]),
        (PaymentQuery(since: Sample.start.adding(seconds: 11)), []),
        (PaymentQuery(limit: 3, order: .oldestFirst), [1, 2, 3]),
        (PaymentQuery(value: .settling, timing: .batch, order: .oldestFirst), [9, 10]),
    ]

    @Test("list the rows that match, in the order that was asked for", arguments: LedgerKind.allCases, queries)
    func list(kind: LedgerKind, query: (query: PaymentQuery, numbers: [Int])) async throws {
        try await kind.withLedger { ledger in
            let references = try await Self.fill(ledger)
            let found = try await ledger.payments(query.query)
            #expect(found.map(\.reference) == query.numbers.map { references[$0 - 1] })
        }
    }

    @Test(
        "page through all rows without gap or repeat", arguments: LedgerKind.allCases,
        [PaymentQuery.Order.newestFirst, .oldestFirst])
    func paging(kind: LedgerKind, order: PaymentQuery.Order) async throws {
        try await kind.withLedger { ledger in
            let references = try await Self.fill(ledger)
            var seen: [PaymentReference] = []
            var query = PaymentQuery(limit: 4, order: order)
            while true {
                let page = try await ledger.payments(query)
                seen += page.map(\.reference)
                guard page.count == 4 else { break }
                switch order {
                case .newestFirst: query.before = page[3].reference.row
                case .oldestFirst: query.after = page[3].reference.row
                }
            }
            #expect(seen == (order == .newestFirst ? references.reversed() : references))
        }
    }

    @Test("find a payment by its public id, and only by all of it", arguments: LedgerKind.allCases)
    func publicID(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let references = try await Self.fill(ledger)
            for reference in references {
                #expect(try await ledger.payment(publicID: reference.identity.publicID)?.reference == reference)
            }
            let id = references[0].identity.publicID
            let others = [
                "", String(id.dropLast()), id + "0", "0x" + id.dropLast(2), String(repeating: "0", count: 32),
                "zz" + id.dropFirst(2), Sample.identity(99).publicID,
            ]
            for other in others { #expect(try await ledger.payment(publicID: other) == nil, "\(other)") }
        }
    }

    @Test("answer nil for an identity that no one has claimed", arguments: LedgerKind.allCases)
    func unknown(kind: LedgerKind) async throws {
        try await kind.withLedger { ledger in
            let found = try await ledger.payment(Sample.identity(1))
            #expect(found == nil)
            #expect(try await ledger.payments(PaymentQuery()).isEmpty)
        }
    }
}
