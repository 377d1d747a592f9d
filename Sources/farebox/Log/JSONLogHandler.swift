import Logging
import NIOCore
import Primitives
import Proxy
import X402

/// Writes log events as JSON lines into the sink that the access log uses too.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    private let sink: LogSink
    private let now: @Sendable () -> UnixTime

    init(sink: LogSink, now: @escaping @Sendable () -> UnixTime = PaywallShared.systemTime) {
        self.sink = sink
        self.now = now
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let members = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line = LogLine.text(now(), event.level, event.message.description, members)
        sink.write(ByteBuffer(string: line))
    }
}

/// One line of the log, in the shape of the access log's.
enum LogLine {
    /// Members in the order of their names, behind time, level and message.
    static func text(
        _ time: UnixTime, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        var members = [
            JSONMember("time", .string(CalendarTime(time).iso8601)), JSONMember("level", .string(level.rawValue)),
            JSONMember("message", .string(message)),
        ]
        for key in metadata.keys.sorted() where !["time", "level", "message"].contains(key) {
            if let value = metadata[key] { members.append(JSONMember(key, json(value))) }
        }
        return JSONValue.object(members).line + "\n"
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(json))
        case .dictionary(let members):
            .object(members.keys.sorted().compactMap { key in members[key].map { JSONMember(key, json($0)) } })
        }
    }
}
