package import EVM

extension LogFilter {
    /// Whether an event is one of those that are asked for.
    package func matches(_ log: ChainLog) -> Bool {
        guard log.address == address, (from...max(from, to)).contains(log.blockNumber), log.topics.count >= topics.count
        else { return false }
        return zip(topics, log.topics).allSatisfy { wanted, topic in wanted?.contains(topic) ?? true }
    }
}
