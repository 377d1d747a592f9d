import Foundation
import Ledger
import Primitives
import Synchronization
import Testing

@testable import LedgerSQLite

@Suite("A SQLite ledger that is killed")
struct SQLiteCrashTests {
    static let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)

    @Test("still knows every claim that it had answered", arguments: [1, 100, 700])
    func kill(answersBeforeKill: Int) async throws {
        try await withTemporaryFolder { folder in
            // The child has nothing but its environment to learn the place from.
            let variable = "LEDGER_CRASH_\(answersBeforeKill)"
            setenv(variable, folder, 1)
            defer { unsetenv(variable) }
            switch answersBeforeKill {
            case 1: await #expect(processExitsWith: .signal(SIGKILL)) { Self.claimUntilKilled(after: 1) }
            case 100: await #expect(processExitsWith: .signal(SIGKILL)) { Self.claimUntilKilled(after: 100) }
            default: await #expect(processExitsWith: .signal(SIGKILL)) { Self.claimUntilKilled(after: 700) }
            }

            let answered = try Data(contentsOf: URL(fileURLWithPath: folder + "/answered"))
            #expect(answered.count >= answersBeforeKill)
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            #expect(try await ledger.recover(now: Sample.lease).isEmpty)
            var delivered = 0
            for number in 1...UInt64(answered.count) {
                let record = try #require(try await ledger.payment(Sample.identity(number)))
                if record.state.service == .delivered { delivered += 1 }
                let expected: ReserveOutcome = record.state.service == .delivered ? .used : .proofRequired
                #expect(try await ledger.reserve(Sample.request(number)) == expected)
            }
            #expect(delivered <= answered.count)
            await ledger.close()
            let audit = try await SQLiteJournalTests.audit(folder + "/ledger.db")
            #expect(audit.problems == [] && audit.entries >= answered.count)
        }
    }

    /// Claims one payment after the other, many in flight, and dies in the reply of one of them.
    ///
    /// Each reply leaves a byte in a file before anything else: what the kernel has survives the process.
    static func claimUntilKilled(after answers: Int) {
        guard let folder = ProcessInfo.processInfo.environment["LEDGER_CRASH_\(answers)"] else { return }
        var options = SQLiteLedgerOptions()
        options.checkpointPages = 50
        guard let ledger = try? SQLiteLedger(path: folder + "/ledger.db", options: options) else { return }
        let file = open(folder + "/answered", O_CREAT | O_WRONLY | O_APPEND, 0o600)
        let count = Mutex(0)
        for number in 1...2_000 {
            ledger.reserve(Sample.request(UInt64(number), opening: opening)) { result in
                guard case .success(.granted(let reference)) = result else { return }
                write(file, "x", 1)
                let answered = count.withLock {
                    $0 += 1
                    return $0
                }
                if answered == answers { Foundation.kill(getpid(), SIGKILL) }
                ledger.apply(.delivered, to: reference, now: Sample.start) { _ in }
            }
        }
        while true { sleep(1) }
    }

    @Test("has every answered claim in its files at any moment")
    func copiedFiles() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            let answered = Mutex<UInt64>(0)
            let done = DispatchGroup()
            for number in 1...UInt64(1_500) {
                done.enter()
                ledger.reserve(Sample.request(number, opening: Self.opening)) { _ in
                    answered.withLock { $0 += 1 }
                    done.leave()
                }
                guard number.isMultiple(of: 500) else { continue }
                let copy = folder + "/copy-\(number)"
                try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
                let known = answered.withLock { $0 }
                for name in ["/ledger.db", "/ledger.db-wal"] {
                    try FileManager.default.copyItem(atPath: folder + name, toPath: copy + name)
                }
                let restarted = try SQLiteLedger(path: copy + "/ledger.db")
                let found = try await restarted.payments(PaymentQuery(limit: 2_000)).count
                #expect(found >= Int(known))
                await restarted.close()
            }
            await withCheckedContinuation { continuation in
                done.notify(queue: .global()) { continuation.resume() }
            }
            await ledger.close()
        }
    }
}
