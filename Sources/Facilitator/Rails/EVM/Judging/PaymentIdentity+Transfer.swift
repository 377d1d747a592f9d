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

    /// The identity of a Permit2 transfer: a nonce is used once per owner, whatever the token and whoever spends.
    ///
    /// Keccak-256 over 80 bytes: the 20 ASCII bytes `x402:permit2:eip155:`, the chain id as 8 bytes big-endian, the owner's 20
    /// and the nonce's 32. The same under scheme exact and upto. Never to be changed: ledgers on disk hold it.
    package init(permitOn chainID: UInt64, payer: Address, nonce: UInt256) {
        let tag: StaticString = "x402:permit2:eip155:"
        let key = withUnsafeTemporaryAllocation(byteCount: 80, alignment: 8) { message in
            tag.withUTF8Buffer { message.copyMemory(from: UnsafeRawBufferPointer($0)) }
            message.storeBytes(of: chainID.bigEndian, toByteOffset: 20, as: UInt64.self)
            payer.withBytes { UnsafeMutableRawBufferPointer(rebasing: message[28...]).copyMemory(from: $0) }
            nonce.storeBigEndian(to: UnsafeMutableRawBufferPointer(rebasing: message[48...]))
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
        self.init(key: key)
    }

    /// The identity of a payment by ERC-3009 or Permit2 to our offer, nil for any other.
    package init?(of payment: Payment, for requirements: PaymentRequirements) {
        guard let chainID = requirements.network.chainID, let asset = requirements.asset.address else { return nil }
        switch payment.payload {
        case .transfer(let transfer):
            self.init(transferOn: chainID, asset: asset, payer: transfer.from, nonce: transfer.nonce)
        case .permit(let permit): self.init(permitOn: chainID, payer: permit.from, nonce: permit.nonce)
        case .other: return nil
        }
    }
}
