import ArgumentParser
import Foundation
import Primitives

/// A day or a moment on the command line, UTC: `2026-11-21` or `2026-11-21T09:05:00Z` (RFC 3339).
struct TimeArgument: ExpressibleByArgument, Hashable, Sendable {
    var time: UnixTime

    init?(argument: String) {
        // The library takes 30 February for 2 March.
        let dayText = String(argument.prefix(10))
        guard let day = try? Date(dayText, strategy: Self.days), day.formatted(Self.days) == dayText else { return nil }
        guard let date = argument == dayText ? day : try? Date(argument, strategy: .iso8601) else { return nil }
        time = UnixTime(Int64(date.timeIntervalSince1970.rounded(.down)))
    }

    private static let days = Date.ISO8601FormatStyle().year().month().day()
}
