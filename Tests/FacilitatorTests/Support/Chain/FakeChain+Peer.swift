import EVM
import Facilitator
import Primitives
import X402

extension FakeChain {
    /// The chain of the first transfer vector: its token, whose payer has money, and a signer with gas.
    static func withToken(balance: UInt256 = UInt256(1_000_000)) -> FakeChain {
        let vector = TransferVector.usdc
        var token = FakeToken(domain: Self.domain(of: vector.offer))
        token.balances[vector.payer] = balance
        var world = FakeWorld()
        world.tokens[token.domain.verifyingContract] = token
        world.balances[signer.address] = UInt256(highToLow: 0, 0, 1, 0)
        return FakeChain(chainID: token.domain.chainID, world: world)
    }

    /// Pays the gas in tests.
    static let signer: PrivateKey = {
        guard let key = PrivateKey(hex: String(repeating: "46", count: 32)) else {
            preconditionFailure("a constant key")
        }
        return key
    }()

    /// The token's address on that chain.
    static var tokenAddress: Address { domain(of: TransferVector.usdc.offer).verifyingContract }

    private static func domain(of offer: PaymentRequirements) -> TypedDataDomain {
        guard let contract = offer.asset.address, let chainID = offer.network.chainID else {
            preconditionFailure("the vector is of a chain")
        }
        return TypedDataDomain(
            name: offer.extra.name ?? "", version: offer.extra.version ?? "", chainID: chainID,
            verifyingContract: contract)
    }

    /// A transaction of the signer, with fees that the chain takes.
    static func transaction(
        nonce: UInt64, to: Address? = tokenAddress, data: [UInt8], gasLimit: UInt64 = 200_000, tip: UInt64 = 1_000_000,
        maxFee: UInt64 = 10_000_000, key: PrivateKey = signer
    ) -> SignedTransaction {
        FeeMarketTransaction(
            chainID: TransferVector.usdc.offer.network.chainID ?? 0, nonce: nonce, maxPriorityFee: UInt256(tip),
            maxFee: UInt256(maxFee), gasLimit: gasLimit, to: to, data: data
        ).signed(by: key)
    }

    /// The call that settles a signed transfer.
    static func callData(_ transfer: SignedTransfer) -> [UInt8] {
        let message = TransferAuthorization(
            from: transfer.from, to: transfer.to, value: transfer.value, validAfter: transfer.validAfter,
            validBefore: transfer.validBefore, nonce: transfer.nonce)
        switch transfer.signature {
        case .rsv(let r, let s, let v): return message.callData(v: v < 27 ? v + 27 : v, r: r, s: s)
        case .bytes(let bytes): return message.callData(signature: bytes)
        }
    }

    /// Answers an HTTP request as a node would, lists included.
    func answer(to request: FakePeer.Request) -> FakePeer.Reply {
        switch request.json {
        case .array(let messages):
            with { $0.exchanges.append(messages.map { $0["method"]?.string ?? "" }) }
            // In another order than asked, as nodes may.
            let answers = messages.map { answer(toMessage: $0) }.reversed()
            return .answer("[" + answers.joined(separator: ",") + "]")
        case let message:
            with { $0.exchanges.append([message["method"]?.string ?? ""]) }
            return .answer(answer(toMessage: message))
        }
    }

    private func answer(toMessage message: JSONValue) -> String {
        guard let method = message["method"]?.string, case .array(let params)? = message["params"] else {
            return #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}"#
        }
        var members = [JSONMember("jsonrpc", .string("2.0")), JSONMember("id", message["id"] ?? .null)]
        switch answer(to: RPCRequest(method, params)) {
        case .value(let value): members.append(JSONMember("result", value))
        case .refused(let refusal):
            var error = [
                JSONMember("code", .number(String(refusal.code))), JSONMember("message", .string(refusal.message)),
            ]
            if let data = refusal.data { error.append(JSONMember("data", .string(Hex.encode(data)))) }
            members.append(JSONMember("error", .object(error)))
        }
        return String(decoding: JSONValue.object(members).encoded(), as: UTF8.self)
    }
}
