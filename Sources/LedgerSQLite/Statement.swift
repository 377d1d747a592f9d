import GRDBSQLite
import Ledger
import Primitives

/// A prepared statement; used by one thread at a time.
///
/// Bound bytes are copied to scratch memory of its own, which SQLite reads in place.
final class Statement {
    private static let scratchBytes = 1024
    /// Tells SQLite to copy what does not fit the scratch memory.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private let handle: OpaquePointer
    private let scratch: UnsafeMutableRawBufferPointer
    private var used = 0
    private var bindResult = SQLITE_OK

    init(_ sql: String, on connection: OpaquePointer) throws(LedgerError) {
        var handle: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let result = sqlite3_prepare_v3(connection, sql, -1, flags, &handle, nil)
        guard result == SQLITE_OK, let handle else { throw LedgerError(sqlite: result) }
        self.handle = handle
        scratch = .allocate(byteCount: Self.scratchBytes, alignment: 8)
    }

    deinit {
        sqlite3_finalize(handle)
        scratch.deallocate()
    }

    /// Runs to the next row; false when there is none, and the statement is ready to be bound again.
    @discardableResult
    func step() throws(LedgerError) -> Bool {
        let result = bindResult == SQLITE_OK ? sqlite3_step(handle) : bindResult
        if result == SQLITE_ROW { return true }
        reset()
        guard result == SQLITE_DONE else { throw LedgerError(sqlite: result) }
        return false
    }

    /// Ends the run and forgets what was bound: every parameter is null again.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        used = 0
        bindResult = SQLITE_OK
    }
}

// MARK: - Binding

extension Statement {
    func bind(_ value: Int64, at index: Int32) {
        note(sqlite3_bind_int64(handle, index, value))
    }

    func bind(_ value: Int64?, at index: Int32) {
        if let value { bind(value, at: index) }
    }

    func bind(_ time: UnixTime?, at index: Int32) {
        if let time { bind(time.seconds, at: index) }
    }

    func bind(_ bytes: Bytes32?, at index: Int32) {
        bytes?.withBytes { bind($0, at: index) }
    }

    /// An amount is an integer, or 32 bytes where it does not fit one.
    func bind(_ amount: UInt256, at index: Int32) {
        if let small = amount.uint64.flatMap(Int64.init(exactly:)) {
            bind(small, at: index)
        } else {
            amount.bigEndianBytes.withUnsafeBytes { bind($0, at: index) }
        }
    }

    func bind(_ bytes: UnsafeRawBufferPointer, at index: Int32) {
        if let room = copy(bytes) {
            note(sqlite3_bind_blob(handle, index, room, Int32(bytes.count), nil))
        } else {
            note(sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), Self.transient))
        }
    }

    func bind(_ text: String?, at index: Int32) {
        guard var text else { return }
        text.withUTF8 { utf8 in
            if let room = copy(UnsafeRawBufferPointer(utf8)) {
                note(sqlite3_bind_text(handle, index, room, Int32(utf8.count), nil))
            } else {
                utf8.withMemoryRebound(to: CChar.self) {
                    note(
                        sqlite3_bind_text64(
                            handle, index, $0.baseAddress, UInt64($0.count), Self.transient, UInt8(SQLITE_UTF8)))
                }
            }
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<CChar>? {
        guard bytes.count <= scratch.count - used, let base = scratch.baseAddress else { return nil }
        let room = base + used
        if let source = bytes.baseAddress { room.copyMemory(from: source, byteCount: bytes.count) }
        used += bytes.count
        return UnsafePointer(room.assumingMemoryBound(to: CChar.self))
    }

    private func note(_ result: Int32) {
        if result != SQLITE_OK { bindResult = result }
    }
}

// MARK: - Columns

extension Statement {
    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_NULL
    }

    func isBlob(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_BLOB
    }

    func integer(_ column: Int32) -> Int64 {
        sqlite3_column_int64(handle, column)
    }

    func time(_ column: Int32) -> UnixTime? {
        isNull(column) ? nil : UnixTime(integer(column))
    }

    func text(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(handle, column) else { return nil }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8]? {
        isNull(column) ? nil : withBytes(column) { [UInt8]($0) }
    }

    /// Nil for null and for any other length.
    func bytes32(_ column: Int32) -> Bytes32? {
        withBytes(column) { $0.count == 32 ? Bytes32($0) : nil }
    }

    /// Nil for null, and for what no amount is stored as.
    func amount(_ column: Int32) -> UInt256? {
        if isNull(column) { return nil }
        guard isBlob(column) else { return UInt64(exactly: integer(column)).map { UInt256($0) } }
        return withBytes(column) { $0.count == 32 ? UInt256(bigEndian: $0) : nil }
    }

    func withBytes<R>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let start = sqlite3_column_blob(handle, column)
        return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
