import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The `Date` field line, rendered once a second.
struct HTTPDate {
    /// `date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF.
    private(set) var line = ByteBuffer()
    private var second: Int64 = -1

    init() {
        refresh()
    }

    /// Renders the line again if the second has changed.
    mutating func refresh() {
        render(Int64(time(nil)))
    }

    /// Renders the line for a time in seconds since 1970 (IMF-fixdate, RFC 9110 §5.6.7).
    mutating func render(_ now: Int64) {
        guard now != second else { return }
        second = now
        let (year, month, day) = Self.civil(now / 86_400)
        let weekday = Int((now / 86_400 + 4) % 7)
        let clock = now % 86_400
        line.clear()
        line.writeString("date: \(Self.weekdays[weekday]), \(Self.two(day)) \(Self.months[month - 1]) \(year) ")
        line.writeString("\(Self.two(clock / 3600)):\(Self.two(clock / 60 % 60)):\(Self.two(clock % 60)) GMT\r\n")
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func two(_ value: Int64) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }

    /// Turns days since 1970 into a date of the Gregorian calendar, for days not before it.
    ///
    /// Counts in eras of 400 years that start on 1 March.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), Int(month), day)
    }
}
