package import Primitives

/// Days of the week and hours of the day: `Mon-Fri 08:00-18:00`, in UTC or at a fixed distance from it.
package struct TimeWindow: Hashable, Sendable {
    /// One bit for each day, Monday first.
    private let days: UInt8
    private let startMinute: Int
    /// Up to 24 hours; not beyond the start where the window ends on the next day.
    private let endMinute: Int
    /// Minutes that local time is ahead of UTC.
    private let offset: Int
    private let text: String

    private static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let everyDay: UInt8 = 0x7F

    /// Reads days, hours and a distance from UTC, of which each may be left out; nil for any other text.
    ///
    /// Days are `Mon-Fri` or `Sat,Sun`, hours `08:00-18:00`, or `22:00-06:00` into the next day. The distance is `+02:00` or `UTC`.
    package init?(_ text: String) {
        var words = text.split(separator: " ")[...]
        var days = Self.everyDay
        var hours = (start: 0, end: 1440)
        var offset = 0
        if let first = words.first, let read = Self.days(first) {
            days = read
            words.removeFirst()
        }
        if let first = words.first, let read = Self.hours(first) {
            hours = read
            words.removeFirst()
        }
        if let first = words.first, words.count < text.split(separator: " ").count, let read = Self.offset(first) {
            offset = read
            words.removeFirst()
        }
        guard words.isEmpty, !text.isEmpty else { return nil }
        self.days = days
        self.startMinute = hours.start
        self.endMinute = hours.end
        self.offset = offset
        self.text = text
    }

    /// Whether the window is open; a window into the next day belongs to the day on which it begins.
    package func contains(_ time: UnixTime) -> Bool {
        let minutes = time.seconds / 60 - (time.seconds % 60 < 0 ? 1 : 0) + Int64(offset)
        let minute = Int((minutes % 1440 + 1440) % 1440)
        // The first of January 1970 was a Thursday.
        let day = Int((((minutes - Int64(minute)) / 1440 + 3) % 7 + 7) % 7)
        if startMinute < endMinute { return isOn(day) && (startMinute..<endMinute).contains(minute) }
        return isOn(day) && minute >= startMinute || isOn((day + 6) % 7) && minute < endMinute
    }

    private func isOn(_ day: Int) -> Bool { days & (1 << UInt8(day)) != 0 }

    private static func days(_ word: Substring) -> UInt8? {
        var days: UInt8 = 0
        for part in word.lowercased().split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                names.firstIndex(of: String($0))
            }
            guard ends.count <= 2, let first = ends.first ?? nil, var last = ends.last ?? nil else { return nil }
            if last < first { last += 7 }
            for day in first...last { days |= 1 << UInt8(day % 7) }
        }
        return days
    }

    private static func hours(_ word: Substring) -> (start: Int, end: Int)? {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false).map(minute)
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < 1440, start != end, end > 0 || start > 0
        else { return nil }
        return (start, end == 0 ? 1440 : end)
    }

    /// `HH:MM`, up to 24:00.
    private static func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { $0 &- 0x30 < 10 } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour * 60 + minute <= 1440
        else { return nil }
        return hour * 60 + minute
    }

    private static func offset(_ word: Substring) -> Int? {
        if word == "UTC" || word == "Z" { return 0 }
        guard let sign = word.first, sign == "+" || sign == "-", let minutes = minute(word.dropFirst()),
            minutes <= 14 * 60
        else { return nil }
        return sign == "-" ? -minutes : minutes
    }
}

extension TimeWindow: CustomStringConvertible {
    package var description: String { text }
}
