import Ledger
import LedgerSQLite
import RouteFile

extension LedgerSettings {
    /// Opens the store, which nobody else may have open.
    func open() throws(NodeFailure) -> any PaymentLedger {
        switch self {
        case .memory: return MemoryLedger()
        case .sqlite(let path):
            do throws(LedgerError) {
                return try SQLiteLedger(path: path)
            } catch {
                throw NodeFailure("the ledger `\(path)`: \(error.message)")
            }
        }
    }
}
