import EVM
import Primitives

/// The state of a chain that is no more than accounts, tokens and contracts written in Swift.
struct FakeWorld: Sendable {
    var nonces: [Address: UInt64] = [:]
    var balances: [Address: UInt256] = [:]
    var tokens: [Address: FakeToken] = [:]
    var contracts: [Address: FakeContract] = [:]
    /// Nil where Permit2 does not stand.
    var permits: FakePermits?

    /// What a call sees beside the world.
    struct Context: Sendable {
        var from: Address
        var to: Address
        var timestamp: UInt64
        var chainID: UInt64
    }

    /// Where a call ended.
    enum Execution: Sendable {
        case returned([UInt8], logs: [(address: Address, topics: [Bytes32], data: [UInt8])] = [], gas: UInt64 = 21_000)
        case reverted([UInt8], gas: UInt64 = 40_000)

        var gas: UInt64 {
            switch self {
            case .returned(_, _, let gas), .reverted(_, let gas): gas
            }
        }

        /// `Error(string)`.
        static func reverted(_ text: String) -> Execution {
            var data = ABIWriter(function: "Error(string)")
            data.append(32)
            data.append(counted: Array(text.utf8))
            return .reverted(data.bytes)
        }
    }

    /// Code at an address: one byte stands for whatever a contract has.
    func code(at address: Address) -> [UInt8] {
        if address == Multicall3.address || tokens[address] != nil { return [0xFE] }
        if let code = permits?.code(at: address), !code.isEmpty { return code }
        return contracts[address]?.code ?? []
    }

    /// Runs a call; a revert leaves the world as it was.
    mutating func run(_ data: [UInt8], _ context: Context) -> Execution {
        var next = self
        let execution = next.execute(data, context)
        if case .returned = execution { self = next }
        return execution
    }

    private mutating func execute(_ data: [UInt8], _ context: Context) -> Execution {
        if context.to == Multicall3.address { return multicall(data, context) }
        if var token = tokens[context.to] {
            let execution = token.execute(data, context, world: self)
            tokens[context.to] = token
            return execution
        }
        switch context.to {
        case Permit2.address where permits != nil:
            return permits?.execute(data, context) ?? .returned([])
        case Permit2.exactProxy, Permit2.uptoProxy: return settlePermit(data, context)
        default: break
        }
        if let contract = contracts[context.to] { return contract.run(&self, data, context) }
        return .returned([])
    }

    /// `aggregate3` and `tryAggregate` of Multicall3.
    private mutating func multicall(_ data: [UInt8], _ context: Context) -> Execution {
        let isTry = data.prefix(4).elementsEqual([0xBC, 0xE3, 0x8B, 0xD7])
        let reader = ABIReader(Array(data.dropFirst(4)))
        guard let (count, elements) = reader.array(isTry ? 1 : 0) else { return .reverted([]) }
        var results: [(Bool, [UInt8])] = []
        var logs: [(address: Address, topics: [Bytes32], data: [UInt8])] = []
        var gas: UInt64 = 30_000
        for index in 0..<count {
            guard let call = elements.tuple(index), let target = call.address(0),
                let callData = call.dynamicBytes(isTry ? 1 : 2)
            else { return .reverted([]) }
            let mayFail = isTry ? reader.bool(0) == false : call.bool(1) == true
            var inner = context
            inner.from = context.to
            inner.to = target
            let execution = run(callData, inner)
            gas += execution.gas
            switch execution {
            case .returned(let bytes, let emitted, _):
                results.append((true, bytes))
                logs += emitted
            case .reverted(let bytes, _):
                guard mayFail else { return .reverted("Multicall3: call failed") }
                results.append((false, bytes))
            }
        }
        return .returned(Self.encode(results), logs: logs, gas: gas)
    }

    /// `(bool, bytes)[]`.
    static func encode(_ results: [(Bool, [UInt8])]) -> [UInt8] {
        var writer = ABIWriter()
        writer.append(32)
        writer.append(results.count)
        var offset = 32 * results.count
        for (_, bytes) in results {
            writer.append(offset)
            offset += 64 + ABIWriter.size(counted: bytes.count)
        }
        for (succeeded, bytes) in results {
            writer.append(succeeded)
            writer.append(64)
            writer.append(counted: bytes)
        }
        return writer.bytes
    }
}

/// A contract that a test writes in Swift.
struct FakeContract: Sendable {
    var code: [UInt8] = [0xFE]
    /// Changes the world only where it returns.
    var run: @Sendable (inout FakeWorld, [UInt8], FakeWorld.Context) -> FakeWorld.Execution

    init(run: @escaping @Sendable (inout FakeWorld, [UInt8], FakeWorld.Context) -> FakeWorld.Execution) {
        self.run = run
    }

    /// A wallet that accepts exactly one signature, whatever it is asked about (ERC-1271).
    static func wallet(accepting signature: [UInt8]) -> FakeContract {
        FakeContract { _, data, _ in
            guard ABIReader(Array(data.dropFirst(4))).dynamicBytes(1) == signature else {
                return .returned([UInt8](repeating: 0xFF, count: 4) + [UInt8](repeating: 0, count: 28))
            }
            return .returned([0x16, 0x26, 0xBA, 0x7E] + [UInt8](repeating: 0, count: 28))
        }
    }
}
