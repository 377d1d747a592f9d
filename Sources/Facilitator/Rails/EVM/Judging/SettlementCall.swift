import EVM
import Primitives

/// How a payment's signature goes to the chain.
enum SignaturePath: Hashable, Sendable {
    /// A key's signature, in three parts.
    case key(RecoverableSignature)
    /// What the payer's contract judges (ERC-1271).
    case contract([UInt8])
    /// The payer's contract has to be created first (ERC-6492).
    case undeployed(UndeployedSignature)
}

/// The call that moves a payment's value.
struct SettlementCall: Hashable, Sendable {
    let target: Address
    let data: [UInt8]

    /// Calls the token, or the proxy that may spend; a wallet that is not there yet is created in the same transaction, or nothing
    /// happens.
    init(_ terms: TransferTerms, path: SignaturePath) {
        switch path {
        case .key(let signature): (target, data) = Self.call(terms, signedBy: signature)
        case .contract(let bytes): (target, data) = Self.call(terms, signature: bytes)
        case .undeployed(let signature):
            let inner = Self.call(terms, signature: signature.signature)
            target = Multicall3.address
            data = Multicall3.aggregate3([
                Multicall3.Call(signature.factory, signature.factoryCallData, mayFail: false),
                Multicall3.Call(inner.target, inner.data, mayFail: false),
            ])
        }
    }

    private static func call(
        _ terms: TransferTerms, signedBy signature: RecoverableSignature
    ) -> (target: Address, data: [UInt8]) {
        guard case .authorization(let transfer, let domain) = terms.message else {
            return call(terms, signature: signature.bytes65)
        }
        return (domain.verifyingContract, transfer.callData(v: signature.v, r: signature.r, s: signature.s))
    }

    private static func call(_ terms: TransferTerms, signature: [UInt8]) -> (target: Address, data: [UInt8]) {
        switch terms.message {
        case .authorization(let transfer, let domain):
            (domain.verifyingContract, transfer.callData(signature: signature))
        case .permit(let permit):
            (permit.spender, permit.callData(moving: terms.value, signature: signature))
        }
    }
}
