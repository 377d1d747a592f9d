import EVM
import Primitives
import X402

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

    /// Calls the token; a wallet that is not there yet is created in the same transaction, or nothing happens.
    init(_ terms: TransferTerms, path: SignaturePath) {
        let transfer = terms.transfer.authorization
        switch path {
        case .key(let signature):
            target = terms.asset
            data = transfer.callData(v: signature.v, r: signature.r, s: signature.s)
        case .contract(let bytes):
            target = terms.asset
            data = transfer.callData(signature: bytes)
        case .undeployed(let signature):
            target = Multicall3.address
            data = Multicall3.aggregate3([
                Multicall3.Call(signature.factory, signature.factoryCallData, mayFail: false),
                Multicall3.Call(terms.asset, transfer.callData(signature: signature.signature), mayFail: false),
            ])
        }
    }
}

extension SignedTransfer {
    /// What the payer signed.
    var authorization: TransferAuthorization {
        TransferAuthorization(
            from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce)
    }

    /// The signature as it came.
    var signatureBytes: [UInt8] {
        switch signature {
        case .rsv(let r, let s, let v): r.bytes + s.bytes + [v]
        case .bytes(let bytes): bytes
        }
    }
}
