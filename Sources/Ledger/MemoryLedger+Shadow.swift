import Synchronization

/// The record of shadow mode.
extension MemoryLedger {
    package func addShadow(_ lines: [ShadowLine], reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void) {
        submit(reply) { state in
            for line in lines {
                let isKept = state.shadow[line.key] != nil || state.shadow.count < ShadowLimits.maximumLines
                state.shadow[isKept ? line.key : line.key.withoutClient, default: ShadowCount()].add(line.count)
            }
        }
    }

    package func shadow(_ query: ShadowQuery) async throws(LedgerError) -> [ShadowLine] {
        var sums = ShadowSums(query)
        for (key, count) in state.withLock({ $0.shadow }) { sums.add(ShadowLine(key, count)) }
        return sums.lines
    }
}
