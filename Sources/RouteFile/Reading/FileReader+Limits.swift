import Proxy

/// How much clients and payers may have.
extension FileReader {
    /// `[limits]`, and how many clients and payers are kept apart.
    func requestLimits(_ section: Section) -> (limits: RequestLimits, maxTracked: Int) {
        let fallback = Section(absent: "limits", log: log)
        func value(_ key: String, _ range: ClosedRange<Int>) -> Int {
            let kind = ValueKind.integer(range)
            if let value = section.read(key, kind)?.value ?? fallback.read(key, kind)?.value { return value }
            preconditionFailure("the schema has a default for limits.\(key)")
        }
        var limits = RequestLimits()
        limits.client = section.read("client", ValueKind.rate)?.value
        limits.payer = section.read("payer", ValueKind.rate)?.value
        limits.challenges = section.read("challenges", ValueKind.rate)?.value
        limits.maxConcurrentPerPayer =
            section.read("max_concurrent_per_payer", ValueKind.integer(1...1_000_000))?.value
        limits.clientPrefix = value("client_prefix", 16...128)
        return (limits, value("max_tracked", 64...16_777_216))
    }

    /// The limits of a route; nil where one of them is wrong.
    func routeLimits(_ section: Section, isFree: Bool?) -> RouteLimits? {
        let all = section.read("limit", ValueKind.rate)
        let client = section.read("client_limit", ValueKind.rate)
        let payer = section.read("payer_limit", ValueKind.rate)
        if isFree == true { section.refuse(["payer_limit"], "has no meaning on a free route: nobody pays") }
        let maxConcurrent = section.read("max_concurrent", ValueKind.integer(1...1_000_000))
        let maxQueued = section.read("max_queued", ValueKind.integer(0...1_000_000))
        let queueTimeout = section.read("queue_timeout", ValueKind.duration)
        if !section.has("max_concurrent") {
            section.refuse(["max_queued", "queue_timeout"], "has no meaning without `max_concurrent`")
        }
        guard let maxQueued, let queueTimeout else { return nil }
        var limits = RouteLimits()
        limits.all = all?.value
        limits.client = client?.value
        limits.payer = payer?.value
        limits.concurrency = maxConcurrent.map {
            ConcurrencyTerms(
                maxConcurrent: $0.value, maxQueued: maxQueued.value, queueTimeout: queueTimeout.value)
        }
        return limits
    }
}

extension ValueKind {
    /// `"100/s"`, `"600/m burst 20"`.
    static func rate(_ node: DocumentNode) -> Reading<Rate> {
        if case .integer(let number) = node.value {
            return .mistake("needs a time: /s, /m, /h or /d", suggestion: "\"\(number)/s\"")
        }
        guard case .string(let text) = node.value else {
            return .mistake("must be a rate such as \"100/s\", not \(node.kind)")
        }
        return RateText.read(text)
    }
}

/// Rates as the file writes them: a whole number, a time, and perhaps how many may come at once.
enum RateText {
    private static let periods: [(String, Rate.Period)] = [("s", .second), ("m", .minute), ("h", .hour), ("d", .day)]

    static func read(_ text: String) -> Reading<Rate> {
        let advice = "is not a rate: a number and /s, /m, /h or /d, as in \"100/s\" or \"600/m burst 20\""
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 1 || words.count == 3 && words[1] == "burst" else { return .mistake(advice) }
        let parts = words[0].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = number(parts[0]),
            let period = periods.first(where: { $0.0 == parts[1] })?.1,
            let burst = words.count == 3 ? number(words[2]) : count
        else { return .mistake(advice) }
        guard (1...Rate.maximum).contains(count), (1...Rate.maximum).contains(burst) else {
            return .mistake("has a number that is not from 1 to \(Rate.maximum)")
        }
        guard let rate = Rate(count, per: period, burst: burst) else {
            return .mistake("has a burst that takes more than a year to come back")
        }
        return .value(rate)
    }

    /// Digits without a leading zero.
    private static func number(_ text: Substring) -> Int? {
        guard (1...9).contains(text.utf8.count), text == "0" || !text.hasPrefix("0"),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }
}
