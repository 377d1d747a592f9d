/// Durations as the file writes them: a whole number and a unit.
enum DurationText {
    private static let units: [(String, Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    /// One year.
    private static let maximum: Int64 = 365 * 24 * 3_600_000

    static func read(_ text: String) -> Reading<Duration> {
        let advice = "is not a duration: a whole number and ms, s, m, h or d, as in \"250ms\" or \"12s\""
        guard let (number, unit) = UnitText.split(text) else { return .mistake(advice) }
        guard let factor = units.first(where: { $0.0 == unit })?.1 else {
            return .mistake(advice, suggestion: UnitText.suggestion(number, unit, aliases))
        }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, milliseconds <= maximum else { return .mistake("is longer than a year") }
        guard milliseconds > 0 else { return .mistake("must be more than zero") }
        return .value(.milliseconds(milliseconds))
    }

    private static let aliases = [
        "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
        "hour": "h", "hours": "h", "day": "d", "days": "d", "msec": "ms", "millis": "ms",
    ]
}

/// Sizes as the file writes them: a whole number and a binary unit.
enum SizeText {
    private static let units: [(String, Int64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ]
    private static let maximum: Int64 = 1 << 40

    static func read(_ text: String) -> Reading<Int> {
        let advice = "is not a size: a whole number and B, KiB, MiB or GiB, as in \"64KiB\""
        guard let (number, unit) = UnitText.split(text) else { return .mistake(advice) }
        guard let factor = units.first(where: { $0.0 == unit })?.1 else {
            return .mistake(advice, suggestion: UnitText.suggestion(number, unit.lowercased(), aliases))
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, bytes <= maximum else { return .mistake("is more than 1024GiB") }
        guard bytes > 0 else { return .mistake("must be more than zero") }
        return .value(Int(bytes))
    }

    private static let aliases = [
        "k": "KiB", "kb": "KiB", "kib": "KiB", "m": "MiB", "mb": "MiB", "mib": "MiB", "g": "GiB", "gb": "GiB",
        "gib": "GiB", "b": "B",
    ]
}

private enum UnitText {
    /// Digits without a leading zero, and what follows.
    static func split(_ text: String) -> (number: Int64, unit: String)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits == "0" || !digits.hasPrefix("0"), let number = Int64(digits) else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }

    static func suggestion(_ number: Int64, _ unit: String, _ aliases: [String: String]) -> String? {
        let word = unit.drop { $0 == " " }
        let known = aliases[String(word)] ?? (aliases.values.contains(String(word)) ? String(word) : nil)
        return known.map { "\(number)\($0)" }
    }
}
