import EVM
import Primitives
import X402

/// Permit2 and both proxies of x402, after the contracts at their addresses: the same checks with the same errors.
struct FakePermits: Sendable {
    /// A nonce of an owner.
    struct Nonce: Hashable, Sendable {
        var owner: Address
        var number: UInt256
    }

    var used: Set<Nonce> = []
    /// What Permit2 may move for an account, of any token.
    var allowances: [Address: UInt256] = [:]
    /// Off, the proxies are not there.
    var hasProxies = true

    /// Gas of a settlement, as measured with Circle's bytecode.
    static let settlementGas: UInt64 = 110_000

    func code(at address: Address) -> [UInt8] {
        switch address {
        case Permit2.address: [0xFE]
        case Permit2.exactProxy, Permit2.uptoProxy: hasProxies ? [0xFE] : []
        default: []
        }
    }

    /// The bitmap, or the word that an owner takes nonces out of use by.
    mutating func execute(_ data: [UInt8], _ context: FakeWorld.Context) -> FakeWorld.Execution {
        let arguments = ABIReader(Array(data.dropFirst(4)))
        switch Hex.encode(data.prefix(4)) {
        case "0x4fe02b44":
            guard let owner = arguments.address(0), let word = arguments.integer(1)?.uint64 else {
                return .reverted([])
            }
            var bitmap = [UInt8](repeating: 0, count: 32)
            for nonce in used where nonce.owner == owner {
                guard let number = nonce.number.uint64, number >> 8 == word else { continue }
                bitmap[31 - Int(number & 255) / 8] |= 1 << (number & 7)
            }
            return .returned(bitmap)
        case "0x3ff9dcb1":
            guard let word = arguments.integer(0), let number = word.uint64, let mask = arguments.word(1) else {
                return .reverted([])
            }
            for bit in 0..<256 where mask.bytes[31 - bit / 8] >> (bit % 8) & 1 == 1 {
                used.insert(Nonce(owner: context.from, number: UInt256(number << 8 | UInt64(bit))))
            }
            let log = (
                Permit2.address, [Permit2.invalidationTopic, Bytes32(context.from)], word.bigEndianBytes + mask.bytes
            )
            return .returned([], logs: [log])
        default: return .reverted([])
        }
    }
}

extension FakeWorld {
    /// `settle` of either proxy.
    mutating func settlePermit(_ data: [UInt8], _ context: Context) -> Execution {
        guard var permits, permits.hasProxies else { return .returned([]) }
        let isUpto = context.to == Permit2.uptoProxy
        let reader = ABIReader(Array(data.dropFirst(4)))
        let first = isUpto ? 5 : 4
        guard let token = reader.address(0), let amount = reader.integer(1), let nonce = reader.integer(2),
            let deadline = reader.integer(3), let owner = reader.address(first), let to = reader.address(first + 1),
            let validAfter = reader.integer(first + (isUpto ? 3 : 2)),
            let signature = reader.dynamicBytes(first + (isUpto ? 4 : 3)),
            let moved = isUpto ? reader.integer(4) : amount
        else { return .reverted([]) }
        let facilitator = isUpto ? reader.address(7) : nil
        let permit = PermitTransfer(
            owner: owner, token: token, amount: amount, nonce: nonce, deadline: deadline,
            witness: PermitTransfer.Witness(to: to, validAfter: validAfter, facilitator: facilitator))
        let key = FakePermits.Nonce(owner: owner, number: nonce)
        if isUpto, facilitator != context.from { return .error("UnauthorizedFacilitator()") }
        if moved > amount { return .error("AmountExceedsPermitted()") }
        if moved == .zero { return .error("InvalidAmount()") }
        if UInt256(context.timestamp) < validAfter { return .error("PaymentTooEarly()") }
        if UInt256(context.timestamp) > deadline { return .error("SignatureExpired(uint256)", deadline) }
        if permits.used.contains(key) { return .error("InvalidNonce()") }
        guard isSigned(permit, signature, context) else { return .error("InvalidSigner()") }
        guard permits.allowances[owner] ?? .zero >= moved, let left = tokens[token]?.balances[owner]?.subtracting(moved)
        else { return .reverted("TRANSFER_FROM_FAILED") }
        permits.used.insert(key)
        self.permits = permits
        tokens[token]?.balances[owner] = left
        let received = (tokens[token]?.balances[to] ?? .zero).adding(moved) ?? .max
        tokens[token]?.balances[to] = received
        let logs = [
            (token, [TransferLog.transferTopic, Bytes32(owner), Bytes32(to)], moved.bigEndianBytes),
            (context.to, [Keccak256.hash("Settled()")], []),
        ]
        return .returned([], logs: logs, gas: FakePermits.settlementGas)
    }

    private func isSigned(_ permit: PermitTransfer, _ signature: [UInt8], _ context: Context) -> Bool {
        let digest = permit.digest(separator: Permit2.separator(chainID: context.chainID))
        if let wallet = contracts[permit.owner] {
            var world = self
            let call = TokenCall.isValidSignature(signature, digest: digest)
            guard case .returned(let bytes, _, _) = wallet.run(&world, call, context) else { return false }
            return TokenCall.isAcceptance(bytes)
        }
        guard case .signature(let parsed) = signature.withUnsafeBytes({ RecoverableSignature.parse($0) }) else {
            return false
        }
        return Secp256k1.shared.recoverAddress(digest: digest, signature: parsed) == permit.owner
    }
}

extension FakeWorld.Execution {
    /// A contract's own error.
    static func error(_ signature: String, _ argument: UInt256? = nil) -> FakeWorld.Execution {
        var data = ABIWriter(function: signature)
        if let argument { data.append(argument) }
        return .reverted(data.bytes)
    }
}

extension TestPayer {
    /// Signs a permit for what the offer asks for; every difference is an argument.
    func permit(
        _ offer: PaymentRequirements, nonce: UInt64 = 1, deadline: UInt64, validAfter: UInt64 = 0,
        facilitator: Address? = nil, change: (inout SignedPermit) -> Void = { _ in }
    ) -> SignedPermit {
        guard let token = offer.asset.address, let to = offer.payTo.address, let chainID = offer.network.chainID else {
            preconditionFailure("only transfers can be signed")
        }
        var permit = SignedPermit(
            from: key.address, token: token, amount: offer.amount,
            spender: facilitator == nil ? Permit2.exactProxy : Permit2.uptoProxy, nonce: UInt256(nonce),
            deadline: UInt256(deadline), to: to, facilitator: facilitator, validAfter: UInt256(validAfter),
            signature: .bytes([]))
        change(&permit)
        let message = PermitTransfer(
            owner: permit.from, token: permit.token, amount: permit.amount, nonce: permit.nonce,
            deadline: permit.deadline,
            witness: PermitTransfer.Witness(
                to: permit.to, validAfter: permit.validAfter, facilitator: permit.facilitator))
        let signature = key.sign(digest: message.digest(separator: Permit2.separator(chainID: chainID)))
        permit.signature = PaymentSignature(signature.bytes65)
        return permit
    }
}

extension PaymentRequirements {
    /// The same offer over Permit2, under scheme upto where a facilitator settles.
    func overPermit2(facilitator: Address? = nil) -> PaymentRequirements {
        var offer = self
        offer.extra.others = [.permitTransfer]
        if let facilitator {
            offer.scheme = "upto"
            offer.extra.others.append(.facilitatorAddress(facilitator))
        }
        return offer
    }
}
