import Ledger
import Primitives

/// Finds rows by the time they were made, without an index: they come in the order of their time, but for the clock's corrections.
struct RowsByTime {
    /// How far the clock may have been set back.
    private static let slackSeconds: Int64 = 86_400

    private let last: Int64
    private let row: Statement

    init(_ connection: OpaquePointer) throws(LedgerError) {
        let end = try Statement("SELECT coalesce(max(id), 0) FROM payment", on: connection)
        last = try end.step() ? end.integer(0) : 0
        row = try Statement("SELECT id, created_at FROM payment WHERE id >= ?1 ORDER BY id LIMIT 1", on: connection)
    }

    /// A row key before which nothing was made at that time or later; a few dozen rows are read for it.
    func first(since time: UnixTime) throws(LedgerError) -> Int64 {
        let bound = time.adding(seconds: -Self.slackSeconds)
        var (low, high): (Int64, Int64) = (1, last + 1)
        while low < high {
            let middle = low + (high - low) / 2
            row.bind(middle, at: 1)
            guard try row.step() else { break }
            let (found, madeAt) = (row.integer(0), UnixTime(row.integer(1)))
            row.reset()
            if madeAt < bound { low = found + 1 } else { high = middle }
        }
        return low
    }
}
