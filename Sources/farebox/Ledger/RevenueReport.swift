import Ledger
import Primitives
import X402

/// What was taken, and what shadow mode would have taken, by route and client.
struct RevenueReport {
    /// What rows are kept apart by, beside the route.
    enum Detail: String, CaseIterable { case route, client, day }

    enum Mode: String { case taken, shadow }

    struct Key: Hashable {
        var mode: Mode
        var route: String
        var client: String?
        /// Days since 1970-01-01 UTC.
        var day: Int64?
    }

    struct Row {
        var key: Key
        var requests: UInt64 = 0
        var outcomes: [ShadowOutcome: UInt64] = [:]
        var charged: UInt64 = 0
        var revenue: [Currency: UInt256] = [:]
    }

    let detail: Detail
    private var rows: [Key: Row] = [:]

    init(by detail: Detail) { self.detail = detail }

    /// The seller of a payment that came by `/settle`, where a route would stand.
    static let api = "/settle"

    /// Adds a payment; one whose value did not move and will not is no revenue, and not counted.
    mutating func add(_ record: PaymentRecord) {
        let isSettled = record.state.value == .settled
        switch record.state.value {
        case .released, .expired, .writtenOff: return
        case .reserved, .settling, .uncertain, .settled, .owed: break
        }
        let route: String
        switch record.claim.owner {
        case .paywall(let binding): route = binding.route
        case .seller: route = Self.api
        }
        let count = ShadowCount(requests: 1, charged: isSettled ? 1 : 0, amount: isSettled ? record.due : .zero)
        add(
            count, outcome: .paid, currency: Currency(network: record.claim.network, asset: record.claim.asset),
            to: key(.taken, route, client: record.claim.payer, day: Self.day(of: record.createdAt)))
    }

    mutating func add(_ line: ShadowLine) {
        add(
            line.count, outcome: line.key.outcome, currency: line.key.currency,
            to: key(.shadow, line.key.route, client: line.key.client, day: line.key.day))
    }

    /// The day of a moment.
    static func day(of time: UnixTime) -> Int64 {
        time.seconds / 86_400 - (time.seconds < 0 && time.seconds % 86_400 != 0 ? 1 : 0)
    }

    private func key(_ mode: Mode, _ route: String, client: String, day: Int64) -> Key {
        Key(mode: mode, route: route, client: detail == .client ? client : nil, day: detail == .day ? day : nil)
    }

    private mutating func add(_ count: ShadowCount, outcome: ShadowOutcome, currency: Currency?, to key: Key) {
        var row = rows[key] ?? Row(key: key)
        row.requests += count.requests
        row.outcomes[outcome, default: 0] += count.requests
        row.charged += count.charged
        if let currency, count.amount > .zero {
            row.revenue[currency] = row.revenue[currency, default: .zero].adding(count.amount) ?? .max
        }
        rows[key] = row
    }

    /// What was taken first; then by day, or with the most requests first.
    var sorted: [Row] {
        rows.values.sorted { first, second in
            if first.key.mode != second.key.mode { return first.key.mode == .taken }
            if first.key.day != second.key.day { return (first.key.day ?? 0) < (second.key.day ?? 0) }
            if first.requests != second.requests { return first.requests > second.requests }
            return (first.key.route, first.key.client ?? "") < (second.key.route, second.key.client ?? "")
        }
    }

    /// The sum of each mode.
    var totals: [(mode: Mode, revenue: [Currency: UInt256])] {
        [Mode.taken, .shadow].compactMap { mode in
            let all = rows.values.filter { $0.key.mode == mode }
            if all.isEmpty { return nil }
            return (
                mode,
                all.reduce(into: [:]) { sums, row in
                    sums.merge(row.revenue) { $0.adding($1) ?? .max }
                }
            )
        }
    }
}

// MARK: - For people and programs

extension RevenueReport {
    func lines(limit: Int) -> [String] {
        var columns = [TextTable.Column(title: "MODE"), TextTable.Column(title: "ROUTE")]
        if detail == .client { columns.append(TextTable.Column(title: "CLIENT")) }
        if detail == .day { columns.insert(TextTable.Column(title: "DAY"), at: 1) }
        let numbers = ["REQUESTS"] + ShadowOutcome.allCases.map { $0.word.uppercased() } + ["CHARGED", "REVENUE"]
        var table = TextTable(columns + numbers.map { TextTable.Column(title: $0, isRightAligned: true) })
        table.rows = sorted.prefix(limit).map { row in
            var cells = [row.key.mode.rawValue, row.key.route.shown()]
            if let client = row.key.client { cells.append(client.shown()) }
            if let day = row.key.day { cells.insert(Self.date(day), at: 1) }
            cells.append("\(row.requests)")
            cells += ShadowOutcome.allCases.map { "\(row.outcomes[$0] ?? 0)" }
            return cells + ["\(row.charged)", Self.text(row.revenue)]
        }
        let left = rows.count - table.rows.count
        return table.lines + (left > 0 ? ["and \(left) more rows: --limit shows them"] : [])
            + totals.map { "total \($0.mode.rawValue): \(Self.text($0.revenue))" }
    }

    func json(limit: Int) -> JSONValue {
        .array(
            sorted.prefix(limit).map { row in
                var members = [
                    JSONMember("mode", .string(row.key.mode.rawValue)), JSONMember("route", .string(row.key.route)),
                    JSONMember("client", row.key.client.map(JSONValue.string) ?? .null),
                    JSONMember("day", row.key.day.map { .string(Self.date($0)) } ?? .null),
                    JSONMember("requests", .number("\(row.requests)")),
                ]
                members += ShadowOutcome.allCases.map {
                    JSONMember($0.word, .number("\(row.outcomes[$0] ?? 0)"))
                }
                members += [
                    JSONMember("charged", .number("\(row.charged)")),
                    JSONMember(
                        "revenue",
                        .array(
                            Self.sorted(row.revenue).map { currency, amount in
                                .members([
                                    "network": .string(currency.network.name),
                                    "asset": .string(currency.asset?.description ?? ""),
                                    "amount": .string(amount.description),
                                ])
                            })),
                ]
                return .object(members)
            })
    }

    private static func date(_ day: Int64) -> String {
        String(CalendarTime(UnixTime(day * 86_400)).iso8601.prefix(10))
    }

    private static func text(_ revenue: [Currency: UInt256]) -> String {
        if revenue.isEmpty { return "0" }
        return sorted(revenue).map { currency, amount in
            currency.asset.map { AmountText.offer(amount, asset: $0, network: currency.network).shown() }
                ?? amount.description
        }.joined(separator: " + ")
    }

    private static func sorted(_ revenue: [Currency: UInt256]) -> [(Currency, UInt256)] {
        revenue.map { ($0, $1) }.sorted {
            ($0.0.network.name, $0.0.asset?.description ?? "") < ($1.0.network.name, $1.0.asset?.description ?? "")
        }
    }
}
