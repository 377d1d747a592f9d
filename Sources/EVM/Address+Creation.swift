package import Primitives

extension Address {
    /// The contract that a transaction creates: of its sender and the sender's number for it (yellow paper, §7).
    package init(createdBy sender: Address, nonce: UInt64) {
        var writer = RLPWriter()
        writer.appendList { list in
            list.append(sender)
            list.append(nonce)
        }
        self = Keccak256.hash(writer.bytes).withBytes { Address(UnsafeRawBufferPointer(rebasing: $0[12...])) }
    }
}
