import Foundation
import Logging
import Proxy

/// The process's log: one sink, one thread that writes it.
struct LogOutput: Sendable {
    let sink: LogSink
    private let written: AsyncStream<Never>

    private let level: Logger.Level

    /// Starts the thread, which writes to standard error; a silent log says errors only.
    init(isSilent: Bool = false) {
        let sink = LogSink()
        let (written, end) = AsyncStream.makeStream(of: Never.self)
        let thread = Thread {
            sink.run()
            end.finish()
        }
        thread.name = "log"
        thread.start()
        self.sink = sink
        level = isSilent ? .error : .info
        self.written = written
    }

    func logger(label: String = "farebox") -> Logger {
        let sink = sink
        var logger = Logger(label: label) { _ in JSONLogHandler(sink: sink) }
        logger.logLevel = level
        return logger
    }

    /// Returns when everything is written; what is logged after this is lost.
    func close() async {
        sink.close()
        for await _ in written {}
    }
}
