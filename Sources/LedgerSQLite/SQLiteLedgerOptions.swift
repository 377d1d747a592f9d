import Ledger

/// How a SQLite ledger uses its file and its writer.
package struct SQLiteLedgerOptions: Hashable, Sendable {
    /// Steps that share one transaction at most; bounds how long a reply waits for its group.
    package var maximumGroup = 1024
    /// Microseconds that a group gathers steps before its transaction, while claims come side by side.
    ///
    /// A transaction costs about as much as ten of its steps. A claim that comes alone never waits.
    package var gatherMicroseconds: UInt32 = 3_000
    /// Milliseconds that a step nobody waits for may wait for company.
    package var patienceMilliseconds = 20
    /// Claims that wait for the writer at most; further ones are refused as busy.
    package var maximumQueuedClaims = 16_384
    /// Pages of log after which the writer moves them into the file, between two commits.
    package var checkpointPages = 4_000
    /// Bytes of a page, for a new file only.
    ///
    /// A claim dirties one leaf of the index on identities at random, so that small pages write less.
    package var pageBytes = 4_096
    /// Kibibytes of pages kept in memory.
    ///
    /// More is not better: a commit that split a page looks at every page in memory (SQLite 3.40, `pcache1Truncate`).
    package var cacheKibibytes = 8_192
    /// Milliseconds to wait for a lock that a foreign process holds.
    package var busyTimeoutMilliseconds: Int32 = 1_000

    /// Bytes that the file may grow to, nil for as many as the disk has.
    ///
    /// Beyond, claims are refused as on a full disk.
    package var maximumFileBytes: Int?
    /// Clients' ids that are remembered; beyond, a new one is refused.
    package var maximumIdentifiers = IdentifierLimits.maximumIdentifiers

    package init() {}
}
