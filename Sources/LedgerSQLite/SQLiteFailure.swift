import GRDB
import GRDBSQLite
import Ledger

extension LedgerError {
    /// The error of a SQLite result code, primary or extended.
    init(sqlite code: Int32) {
        switch code & 0xFF {
        case SQLITE_FULL: self.init(.full, "no space left for the ledger")
        case SQLITE_READONLY, SQLITE_PERM: self.init(.readOnly, "the ledger cannot be written")
        case SQLITE_BUSY, SQLITE_LOCKED: self.init(.busy, "another program holds the ledger's lock")
        case SQLITE_CORRUPT, SQLITE_NOTADB: self.init(.corrupt, "the ledger's file is damaged, or not a ledger")
        case SQLITE_CANTOPEN: self.init(.unavailable, "the ledger's file cannot be opened")
        case SQLITE_IOERR: self.init(.unavailable, "the ledger's disk failed")
        default: self.init(.unavailable, "the ledger's database failed")
        }
    }

    /// The error of a GRDB call.
    init(_ error: any Error) {
        switch error {
        case let error as LedgerError: self = error
        case let error as DatabaseError: self.init(sqlite: error.resultCode.rawValue)
        default: self.init(.unavailable, "the ledger's database failed")
        }
    }

    /// A row that no version of this program writes.
    static var damagedRow: LedgerError { LedgerError(.corrupt, "the ledger holds a row that cannot be read") }
}
