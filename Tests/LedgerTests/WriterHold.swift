import Foundation
import Ledger

@testable import LedgerSQLite

/// Holds a ledger's writer inside a transaction, so that a test decides what shares the next one.
struct WriterHold {
    private let release = DispatchSemaphore(value: 0)

    init(_ ledger: SQLiteLedger) {
        let isHeld = DispatchSemaphore(value: 0)
        ledger.writer.submit(
            TableJob({ [release] _ in
                isHeld.signal()
                release.wait()
            }) { _ in })
        isHeld.wait()
    }

    func letGo() {
        release.signal()
    }
}
