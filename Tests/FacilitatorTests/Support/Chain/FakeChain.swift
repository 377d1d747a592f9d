import EVM
import Facilitator
import Primitives
import Synchronization
import X402

/// A little chain behind JSON-RPC's calls: accounts, a token, a pool, blocks, and faults on demand.
///
/// Nothing moves by itself: blocks are mined when a test says so, or at once with `minesAtOnce`. It is a `ChainNode` itself,
/// and the far end of a `FakePeer` by `answer(to:)`.
final class FakeChain: ChainNode {
    /// What happens to a call instead of, or beside, what it asks for.
    enum Fault: Sendable {
        /// The node refuses it, without acting.
        case refuse(RPCRefusal)
        /// The node acts, then says that it failed.
        case refuseAfter(RPCRefusal)
        /// The call fails before it has left.
        case fail(ChainError)
        /// The node acts, and its answer is lost.
        case loseAnswer
        /// The node acts, and says something else.
        case say(JSONValue)
        /// The call waits at the gate before anything happens.
        case hold(Gate)
        /// The call waits at the gate, and fails before it has left.
        case holdAndFail(Gate, ChainError)
        /// Something happens on the chain before the call is answered.
        case meanwhile(@Sendable () -> Void)
        /// A node that is that many blocks behind answers the call.
        case behind(Int)
    }

    struct State {
        let chainID: UInt64
        /// From genesis on; the last is the head.
        var blocks: [FakeBlock]
        /// By sender and nonce.
        var pool: [Address: [UInt64: RawTransaction]] = [:]
        var now: UInt64
        var baseFee = UInt256(1_000_000)
        var tip = UInt256(1_000_000)
        var minesAtOnce = false
        var salt: UInt64 = 0
        var faults: [(method: String, times: Int, fault: Fault)] = []
        /// The methods of every exchange.
        var exchanges: [[String]] = []
        /// How many of the last blocks the node that answers does not have yet.
        var lag = 0
        /// The most blocks one `eth_getLogs` may span.
        var maxLogRange: UInt64 = 10_000

        /// What the node knows of the chain.
        var known: ArraySlice<FakeBlock> { blocks.prefix(max(1, blocks.count - lag)) }
        /// The last block that the node knows.
        var head: FakeBlock { known[known.endIndex - 1] }
    }

    private let state: Mutex<State>

    /// A chain of one block, whose clock stands at `now`.
    init(chainID: UInt64 = 84_532, now: UnixTime = Fixture.now, world: FakeWorld = FakeWorld()) {
        let head = BlockHead(
            number: 0, hash: FakeBlock.hash(number: 0, salt: 0), parentHash: .zero, timestamp: now,
            baseFee: UInt256(1_000_000), gasLimit: 30_000_000)
        state = Mutex(
            State(chainID: chainID, blocks: [FakeBlock(head: head, world: world)], now: UInt64(now.seconds)))
    }

    /// Looks at, or changes, anything.
    func with<R>(_ body: (inout sending State) throws -> sending R) rethrows -> R {
        try state.withLock { try body(&$0) }
    }

    /// Changes the world as it is at the head, behind everyone's back.
    func changeWorld(_ change: (inout FakeWorld) -> Void) {
        state.withLock { change(&$0.blocks[$0.blocks.count - 1].world) }
    }

    /// The world as it is at the head.
    var world: FakeWorld { state.withLock { $0.head.world } }
    var head: BlockHead { state.withLock { $0.head.head } }
    /// The transactions that wait.
    var pooled: [RawTransaction] { state.withLock { $0.pool.values.flatMap(\.values) } }
    /// The methods of every exchange since the last reset.
    var exchanges: [[String]] { state.withLock { $0.exchanges } }

    func resetExchanges() { state.withLock { $0.exchanges = [] } }

    /// Takes the last blocks out of the answering node's sight, as of a node that is behind; 0 ends it.
    func lag(by blocks: Int) { state.withLock { $0.lag = blocks } }

    /// Every call of a method, or of any with "*", meets the fault that many times.
    func inject(_ fault: Fault, into method: String, times: Int = 1) {
        state.withLock { $0.faults.append((method, times, fault)) }
    }

    func advance(seconds: UInt64) { state.withLock { $0.now += seconds } }

    // MARK: Blocks

    /// Mines blocks two seconds apart, the first with what the pool has ready.
    func mine(_ count: Int = 1) {
        state.withLock { state in for _ in 0..<count { state.mine() } }
    }

    /// Takes the last blocks away; what they held waits again, but for the transactions to drop.
    ///
    /// The chain is shorter until the next `mine`.
    func reorganise(depth: Int, dropping dropped: Set<Bytes32> = []) {
        state.withLock { state in
            let gone = state.blocks.suffix(min(depth, state.blocks.count - 1)).flatMap(\.transactions)
            state.blocks.removeLast(min(depth, state.blocks.count - 1))
            state.salt += 1
            for transaction in gone where !dropped.contains(transaction.hash) {
                state.pool[transaction.from, default: [:]][transaction.fields.nonce] = transaction
            }
        }
    }

    /// Forgets a transaction that waits.
    func drop(_ hash: Bytes32) {
        state.withLock { state in
            for (sender, waiting) in state.pool { state.pool[sender] = waiting.filter { $0.value.hash != hash } }
        }
    }

    // MARK: Calls

    func ask(_ calls: [RPCRequest]) async throws(ChainError) -> [RPCResult] {
        state.withLock { $0.exchanges.append(calls.map(\.method)) }
        var results: [RPCResult] = []
        for call in calls { results.append(try await ask(call)) }
        return results
    }

    private func ask(_ call: RPCRequest) async throws(ChainError) -> RPCResult {
        switch state.withLock({ $0.takeFault(for: call.method) }) {
        case nil: break
        case .refuse(let refusal): return .refused(refusal)
        case .fail(let error): throw error
        case .refuseAfter(let refusal):
            _ = answer(to: call)
            return .refused(refusal)
        case .loseAnswer:
            _ = answer(to: call)
            throw ChainError(.timeout, mayHaveActed: call.acts, "the node did not answer in time")
        case .say(let value):
            _ = answer(to: call)
            return .value(value)
        case .hold(let gate): await gate.pass()
        case .holdAndFail(let gate, let error):
            await gate.pass()
            throw error
        case .meanwhile(let happen): happen()
        case .behind(let blocks): return answer(to: call, behind: blocks)
        }
        return answer(to: call)
    }

    /// What the chain says, faults aside.
    func answer(to call: RPCRequest, behind blocks: Int = 0) -> RPCResult {
        state.withLock { state in
            state.lag += blocks
            defer { state.lag -= blocks }
            do throws(RPCRefusal) {
                return .value(try state.answer(to: call))
            } catch {
                return .refused(error)
            }
        }
    }
}

extension RPCRefusal: Error {}

extension FakeChain.State {
    fileprivate mutating func takeFault(for method: String) -> FakeChain.Fault? {
        guard let index = faults.firstIndex(where: { ($0.method == method || $0.method == "*") && $0.times > 0 }) else {
            return nil
        }
        faults[index].times -= 1
        return faults[index].fault
    }

    mutating func mine() {
        now += 2
        var candidates: [RawTransaction] = []
        // Senders in the order of what they tip, each one's transactions in the order of their nonces.
        let senders = pool.values.map { $0.sorted { $0.key < $1.key }.map(\.value) }.filter { !$0.isEmpty }
        for waiting in senders.sorted(by: { $0[0].fields.maxPriorityFee > $1[0].fields.maxPriorityFee }) {
            candidates += waiting
        }
        let block = blocks[blocks.count - 1].next(
            with: candidates, at: now, baseFee: baseFee, chainID: chainID, salt: salt)
        blocks.append(block)
        for (sender, waiting) in pool {
            pool[sender] = waiting.filter { $0.key >= block.world.nonces[sender] ?? 0 }
        }
    }
}

/// Holds calls back until a test lets them go, and says when one has come.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrived = 0
        var held: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns once the gate is open.
    func pass() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state in
                state.arrived += 1
                defer { state.watchers = [] }
                if !state.isOpen { state.held.append(continuation) }
                return (state.isOpen, state.watchers)
            }
            watchers.forEach { $0.resume() }
            if isOpen { continuation.resume() }
        }
    }

    /// Returns once a call has come.
    func arrival() async {
        await withCheckedContinuation { continuation in
            let hasArrived = state.withLock { state in
                if state.arrived == 0 { state.watchers.append(continuation) }
                return state.arrived > 0
            }
            if hasArrived { continuation.resume() }
        }
    }

    /// Lets every call go, those to come as well.
    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        held.forEach { $0.resume() }
    }
}
