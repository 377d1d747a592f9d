import Dispatch
import Foundation
import Ledger
import LedgerSQLite
import Primitives
import X402

/// What the ledger costs a payment: processor time of a claim that opens settled and is then delivered, many in flight.
struct LedgerCost {
    struct Failure: Error { var message: String }

    /// Claims in flight, so that commits are shared as under load.
    private static let window = 256
    private static let now = UnixTime(1_790_000_000)

    private let count: Int
    private let claim: Claim

    init(count: Int) throws {
        guard let network = Network("eip155:84532"), let target = Bytes32([UInt8](repeating: 7, count: 32)) else {
            throw Failure(message: "the constants of the benchmark are wrong")
        }
        self.count = count
        claim = Claim(
            identity: PaymentIdentity(key: target),
            owner: .paywall(RequestBinding(route: "GET /v1/weather/:city", method: "GET", target: target)),
            adapter: "bench", form: .v2, timing: .before, scheme: "exact", network: network,
            asset: Account("0x036CbD53842c5426634e7929541eC2318f3dCF7e"), amount: UInt256(1000),
            payTo: Account("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            payer: "0x857b06519E91e3A54538791bDbb0E22373e36b66", validBefore: Self.now.adding(seconds: 300))
    }

    /// Prints the median of rounds, each on a file of its own.
    func run(rounds: Int) async throws {
        var costs: [Double] = []
        for _ in 0..<rounds { costs.append(try await round()) }
        print("ledger, claim to delivery \(Int(costs.sorted()[rounds / 2])) ns per payment (\(count) payments)")
    }

    private func round() async throws -> Double {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ledger = try SQLiteLedger(path: folder.path + "/ledger.db")
        let seed = [UInt8](UUID().uuidString.utf8)
        let start = Self.processorNanoseconds()
        pay(ledger, seed: seed)
        await ledger.close()
        return (Self.processorNanoseconds() - start) / Double(count)
    }

    private func pay(_ ledger: SQLiteLedger, seed: [UInt8]) {
        let room = DispatchSemaphore(value: Self.window)
        let opening = ClaimOpening.settled(
            transaction: "0x" + String(repeating: "ab", count: 32), forwardingUntil: Self.now.adding(seconds: 60))
        for number in 0..<count {
            room.wait()
            var claim = claim
            claim.identity = PaymentIdentity(key: SHA256.hash(seed + withUnsafeBytes(of: number) { [UInt8]($0) }))
            let request = ReserveRequest(claim: claim, opening: opening, now: Self.now)
            ledger.reserve(request) { result in
                if case .success(.granted(let reference)) = result {
                    ledger.apply(.delivered, to: reference, now: Self.now) { _ in }
                }
                room.signal()
            }
        }
        for _ in 0..<Self.window { room.wait() }
        for _ in 0..<Self.window { room.signal() }
    }

    private static func processorNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
