import Logging
import NIOCore
import Transport

extension UpstreamWatch {
    /// A watch that says in the log what has changed, and nothing else.
    init(_ book: UpstreamBook, group: any EventLoopGroup, logger: Logger) {
        self.init(book, group: group) { upstream, server, news in
            var metadata: Logger.Metadata = ["upstream": "\(upstream)", "server": "\(server)", "state": "\(news.word)"]
            if case .resolved(let addresses) = news {
                metadata["addresses"] = "\(addresses.map(\.text).sorted().joined(separator: " "))"
            }
            logger.log(level: news.isGood ? .notice : .warning, "upstream server", metadata: metadata)
        }
    }
}

extension UpstreamWatch.News {
    fileprivate var word: String {
        switch self {
        case .up: "up"
        case .down: "down"
        case .leftAlone: "left alone"
        case .notResolved: "name not resolved"
        case .resolved: "name resolved"
        }
    }

    fileprivate var isGood: Bool {
        switch self {
        case .up, .resolved: true
        case .down, .leftAlone, .notResolved: false
        }
    }
}
