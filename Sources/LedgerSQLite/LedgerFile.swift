import Foundation
import Ledger

/// The file of a ledger: made private, and held by one writer at a time.
final class LedgerFile: Sendable {
    /// The path without symbolic links, so that two names of one file meet at one lock.
    let path: String
    private let lock: Int32

    /// Takes the file's lock and makes the file if there is none, readable by its owner only.
    ///
    /// The lock is an advisory one on `<path>.lock`. SQLite's own locks are POSIX locks on the file itself, which a process
    /// loses when it closes any descriptor of it (sqlite.org/howtocorrupt.html §2.2): an existing file is not even opened here.
    init(path: String) throws(LedgerError) {
        self.path = try Self.resolve(path)
        lock = open(self.path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Self.cannotOpen }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw LedgerError(.busy, "another process runs on this ledger")
        }
        let file = open(self.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file >= 0 {
            close(file)
        } else if errno != EEXIST {
            defer { close(lock) }
            throw Self.cannotOpen
        }
    }

    deinit {
        close(lock)
    }

    private static func resolve(_ path: String) throws(LedgerError) -> String {
        if let resolved = real(path) { return resolved }
        let file = URL(fileURLWithPath: path)
        guard let folder = real(file.deletingLastPathComponent().path) else { throw cannotOpen }
        return folder + "/" + file.lastPathComponent
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static var cannotOpen: LedgerError {
        switch errno {
        case ENOSPC, EDQUOT: LedgerError(.full, "no space left for the ledger")
        case EROFS, EACCES, EPERM: LedgerError(.readOnly, "the ledger's file cannot be written")
        default: LedgerError(.unavailable, "the ledger's file cannot be opened")
        }
    }
}
