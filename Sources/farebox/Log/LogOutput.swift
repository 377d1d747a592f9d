import Foundation
import Logging
import Proxy

/// The process's log: one sink, one thread that writes it.
struct LogOutput: Sendable {
    let sink: LogSink
    private let written: AsyncStream<Never>

    /// Starts the thread, which writes to standard error.
    init() {
        let sink = LogSink()
        let (written, end) = AsyncStream.makeStream(of: Never.self)
        let thread = Thread {
            sink.run()
            end.finish()
        }
        thread.name = "log"
        thread.start()
        self.sink = sink
        self.written = written
    }

    func logger(label: String = "farebox") -> Logger {
        let sink = sink
        return Logger(label: label) { _ in JSONLogHandler(sink: sink) }
    }

    /// Returns when everything is written; what is logged after this is lost.
    func close() async {
        sink.close()
        for await _ in written {}
    }
}
