/// What a service manager is told, in the words of sd_notify(3).
enum ServiceNotice: Hashable {
    case ready(String)
    /// With the time of the monotonic clock, which `Type=notify-reload` asks for.
    case reloading(microseconds: UInt64)
    case stopping(String)
    case status(String)
    case alive

    var text: String {
        switch self {
        case .ready(let status): "READY=1\n" + Self.line(status)
        case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)\n" + Self.line("reloading")
        case .stopping(let status): "STOPPING=1\n" + Self.line(status)
        case .status(let status): Self.line(status)
        case .alive: "WATCHDOG=1"
        }
    }

    /// A line break would begin another assignment.
    private static func line(_ status: String) -> String {
        "STATUS=" + String(status.map { $0.isNewline ? " " : $0 })
    }
}

/// What the environment says of a service manager.
struct ServiceEnvironment: Hashable {
    /// Where notices go.
    enum Place: Hashable {
        case path(String)
        /// A name in Linux's abstract namespace (unix(7)).
        case abstract(String)
    }

    var place: Place?
    /// How long the manager waits for a sign of life before it ends the process.
    var watchdog: Duration?

    /// The longest name of a unix-domain socket.
    private static let longest = 107

    init(_ environment: [String: String], processID: Int32) {
        if let text = environment["NOTIFY_SOCKET"], text.utf8.count <= Self.longest {
            if text.hasPrefix("/") { place = .path(text) }
            if text.hasPrefix("@"), text.utf8.count > 1 { place = .abstract(String(text.dropFirst())) }
        }
        let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
        if isOurs, let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 {
            watchdog = .microseconds(microseconds)
        }
    }
}
