package import Ledger
package import Primitives
package import X402

extension PaymentIdentity {
    /// The identity of an ERC-3009 transfer under scheme `exact`: a nonce is used once per authorizer and token (EIP-3009).
    ///
    /// Keccak-256 over 98 bytes, one block: the 18 ASCII bytes `x402:exact:eip155:`, the chain id as 8 bytes big-endian, the
    /// token's 20, the payer's 20 and the nonce's 32. The same for every rail that takes such transfers. Never to be
    /// changed: ledgers on disk hold it.
    package init(transferOn chainID: UInt64, asset: Address, payer: Address, nonce: Bytes32) {
        let tag: StaticString = "x402:exact:eip155:"
        let key = withUnsafeTemporaryAllocation(byteCount: 98, alignment: 8) { message in
            tag.withUTF8Buffer { message.copyMemory(from: UnsafeRawBufferPointer($0)) }
            message.storeBytes(of: chainID.bigEndian, toByteOffset: 18, as: UInt64.self)
            asset.withBytes { UnsafeMutableRawBufferPointer(rebasing: message[26...]).copyMemory(from: $0) }
            payer.withBytes { UnsafeMutableRawBufferPointer(rebasing: message[46...]).copyMemory(from: $0) }
            nonce.withBytes { UnsafeMutableRawBufferPointer(rebasing: message[66...]).copyMemory(from: $0) }
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
        self.init(key: key)
    }

    /// The identity of a payment that is an ERC-3009 transfer to our offer, nil for any other.
    package init?(of payment: Payment, for requirements: PaymentRequirements) {
        guard case .transfer(let transfer) = payment.payload, let chainID = requirements.network.chainID,
            let asset = requirements.asset.address
        else { return nil }
        self.init(transferOn: chainID, asset: asset, payer: transfer.from, nonce: transfer.nonce)
    }
}
