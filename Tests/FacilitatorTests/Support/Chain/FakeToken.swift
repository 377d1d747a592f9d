import EVM
import Primitives

/// A token with ERC-3009, after FiatToken 2.2: the same checks in the same order with the same texts.
struct FakeToken: Sendable {
    var domain: TypedDataDomain
    var balances: [Address: UInt256] = [:]
    var used: Set<Authorization> = []
    var isPaused = false
    var blocked: Set<Address> = []
    /// Off, every signature is good.
    var checksSignatures = true
    /// Off, the overload for wallets is missing, as in version 2.1.
    var hasBytesOverload = true

    /// A payer's nonce.
    struct Authorization: Hashable, Sendable {
        var payer: Address
        var nonce: Bytes32
    }

    /// Gas of a transfer and of a refused one, as measured with Circle's bytecode behind its proxy.
    static let transferGas: UInt64 = 81_340
    static let refusedGas: UInt64 = 40_689

    init(domain: TypedDataDomain) {
        self.domain = domain
    }

    mutating func execute(
        _ data: [UInt8], _ context: FakeWorld.Context, world: FakeWorld
    ) -> FakeWorld.Execution {
        let arguments = ABIReader(Array(data.dropFirst(4)))
        switch Hex.encode(data.prefix(4)) {
        case "0xe3ee160e": return transfer(arguments, signature: nil, context, world)
        case "0xcf092995" where hasBytesOverload:
            guard let signature = arguments.dynamicBytes(6) else { return .reverted([]) }
            return transfer(arguments, signature: signature, context, world)
        case "0xe94a0102":
            guard let payer = arguments.address(0), let nonce = arguments.word(1) else { return .reverted([]) }
            let isUsed = used.contains(Authorization(payer: payer, nonce: nonce))
            return .returned(UInt256(isUsed ? 1 : 0).bigEndianBytes)
        case "0x70a08231":
            guard let account = arguments.address(0) else { return .reverted([]) }
            return .returned((balances[account] ?? .zero).bigEndianBytes)
        case "0xdd62ed3e":
            guard let owner = arguments.address(0), arguments.address(1) == Permit2.address else {
                return .reverted([])
            }
            return .returned((world.permits?.allowances[owner] ?? .zero).bigEndianBytes)
        case "0x06fdde03": return .returned(Self.text(domain.name))
        case "0x54fd4d50": return .returned(Self.text(domain.version))
        case "0x3644e515": return .returned(domain.separator.bytes)
        default: return .reverted([])
        }
    }

    private mutating func transfer(
        _ arguments: ABIReader, signature: [UInt8]?, _ context: FakeWorld.Context, _ world: FakeWorld
    ) -> FakeWorld.Execution {
        guard let from = arguments.address(0), let to = arguments.address(1), let value = arguments.integer(2),
            let validAfter = arguments.integer(3), let validBefore = arguments.integer(4), let nonce = arguments.word(5)
        else { return .reverted([]) }
        let message = TransferAuthorization(
            from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce)
        let authorization = Authorization(payer: from, nonce: nonce)
        let now = UInt256(context.timestamp)
        guard !isPaused else { return refuse("Pausable: paused") }
        guard !blocked.contains(from), !blocked.contains(to) else {
            return refuse("Blacklistable: account is blacklisted")
        }
        guard now > validAfter else { return refuse("FiatTokenV2: authorization is not yet valid") }
        guard now < validBefore else { return refuse("FiatTokenV2: authorization is expired") }
        guard !used.contains(authorization) else { return refuse("FiatTokenV2: authorization is used or canceled") }
        guard !checksSignatures || isSigned(message, signature ?? Self.parts(of: arguments), context, world) else {
            return refuse("FiatTokenV2: invalid signature")
        }
        guard let left = (balances[from] ?? .zero).subtracting(value) else {
            return refuse("ERC20: transfer amount exceeds balance")
        }
        used.insert(authorization)
        balances[from] = left
        balances[to] = (balances[to] ?? .zero).adding(value) ?? .max
        let logs = [
            (context.to, [TransferLog.usedTopic, Bytes32(from), nonce], [UInt8]()),
            (context.to, [TransferLog.transferTopic, Bytes32(from), Bytes32(to)], value.bigEndianBytes),
        ]
        return .returned([], logs: logs, gas: Self.transferGas)
    }

    private func refuse(_ text: String) -> FakeWorld.Execution {
        guard case .reverted(let data, _) = FakeWorld.Execution.reverted(text) else { return .reverted([]) }
        return .reverted(data, gas: Self.refusedGas)
    }

    /// A contract is asked itself; of an account the signature is recovered.
    private func isSigned(
        _ message: TransferAuthorization, _ signature: [UInt8], _ context: FakeWorld.Context, _ world: FakeWorld
    ) -> Bool {
        let digest = message.digest(in: domain)
        if let wallet = world.contracts[message.from] {
            var world = world
            var inner = context
            inner.to = message.from
            let call = TokenCall.isValidSignature(signature, digest: digest)
            guard case .returned(let bytes, _, _) = wallet.run(&world, call, inner) else { return false }
            return TokenCall.isAcceptance(bytes)
        }
        guard signature.count == 65,
            case .signature(let parsed) = signature.withUnsafeBytes({ RecoverableSignature.parse($0) })
        else { return false }
        return Secp256k1.shared.recoverAddress(digest: digest, signature: parsed) == message.from
    }

    private static func parts(of arguments: ABIReader) -> [UInt8] {
        guard let v = arguments.integer(6)?.uint64, let r = arguments.word(7), let s = arguments.word(8), v > 1 else {
            return []
        }
        return r.bytes + s.bytes + [UInt8(truncatingIfNeeded: v)]
    }

    private static func text(_ text: String) -> [UInt8] {
        var writer = ABIWriter()
        writer.append(32)
        writer.append(counted: Array(text.utf8))
        return writer.bytes
    }
}
