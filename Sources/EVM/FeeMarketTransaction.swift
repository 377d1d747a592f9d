package import Primitives

/// A transaction that names its own fee limits (EIP-1559, type 2 of EIP-2718).
///
/// Its access list is empty: a token's slots are few, and naming them costs more than it saves.
package struct FeeMarketTransaction: Hashable, Sendable {
    package var chainID: UInt64
    package var nonce: UInt64
    /// The most wei of tip for one unit of gas.
    package var maxPriorityFee: UInt256
    /// The most wei for one unit of gas, tip included.
    package var maxFee: UInt256
    package var gasLimit: UInt64
    /// Nil creates a contract from `data`.
    package var to: Address?
    /// Wei that goes with the call.
    package var value: UInt256
    package var data: [UInt8]

    package init(
        chainID: UInt64, nonce: UInt64, maxPriorityFee: UInt256, maxFee: UInt256, gasLimit: UInt64, to: Address?,
        value: UInt256 = .zero, data: [UInt8]
    ) {
        self.chainID = chainID
        self.nonce = nonce
        self.maxPriorityFee = maxPriorityFee
        self.maxFee = maxFee
        self.gasLimit = gasLimit
        self.to = to
        self.value = value
        self.data = data
    }

    /// The byte that begins a transaction of this kind.
    static let type: UInt8 = 2

    /// What the sender signs.
    package var signingDigest: Bytes32 {
        Keccak256.hash(encoded(signature: nil))
    }

    /// The transaction under the key's signature, ready to be sent.
    ///
    /// Signing is deterministic (RFC 6979): the same fields give the same hash.
    package func signed(by key: PrivateKey) -> SignedTransaction {
        let raw = encoded(signature: key.sign(digest: signingDigest))
        return SignedTransaction(raw: raw, hash: Keccak256.hash(raw), from: key.address, nonce: nonce)
    }

    private func encoded(signature: RecoverableSignature?) -> [UInt8] {
        var writer = RLPWriter()
        writer.appendList { list in
            list.append(chainID)
            list.append(nonce)
            list.append(maxPriorityFee)
            list.append(maxFee)
            list.append(gasLimit)
            list.append(to)
            list.append(value)
            list.append(data)
            list.appendList { _ in }
            guard let signature else { return }
            list.append(UInt64(signature.recoveryID))
            list.append(signature.r.withBytes { UInt256(bigEndian: $0) })
            list.append(signature.s.withBytes { UInt256(bigEndian: $0) })
        }
        return [Self.type] + writer.bytes
    }
}

/// A transaction as it goes over the wire, with the name it has from then on.
package struct SignedTransaction: Hashable, Sendable {
    /// What `eth_sendRawTransaction` takes.
    package let raw: [UInt8]
    /// The transaction's hash, known before anyone has seen it.
    package let hash: Bytes32
    /// Who pays its gas.
    package let from: Address
    /// The sender's number for it.
    package let nonce: UInt64

    package init(raw: [UInt8], hash: Bytes32, from: Address, nonce: UInt64) {
        self.raw = raw
        self.hash = hash
        self.from = from
        self.nonce = nonce
    }
}
