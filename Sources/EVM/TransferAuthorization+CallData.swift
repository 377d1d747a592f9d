package import Primitives

extension TransferAuthorization {
    /// The overload every ERC-3009 token has.
    static let callWithParts =
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    /// The overload for contract wallets, in FiatToken from version 2.2.
    static let callWithBytes = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"

    /// The call that transfers on a signature in three parts; `v` is 27 or 28.
    package func callData(v: UInt8, r: Bytes32, s: Bytes32) -> [UInt8] {
        Self.call(Self.callWithParts, argumentCount: 9 * 32) { writer in
            append(to: &writer)
            writer.append(UInt256(UInt64(v)))
            writer.append(r)
            writer.append(s)
        }
    }

    /// The call that transfers on a signature of any length and form.
    package func callData(signature: [UInt8]) -> [UInt8] {
        let padding = (32 - signature.count % 32) % 32
        return Self.call(Self.callWithBytes, argumentCount: 8 * 32 + signature.count + padding) { writer in
            append(to: &writer)
            // The dynamic argument is found by its distance from the first word: seven words of head.
            writer.append(UInt256(7 * 32))
            writer.append(UInt256(UInt64(signature.count)))
            signature.withUnsafeBytes { writer.append(raw: $0) }
            writer.append(zeros: padding)
        }
    }

    private static func call(
        _ function: String, argumentCount: Int, _ write: (inout WordWriter) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 4 + argumentCount) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            Keccak256.hash(function).withBytes { hash in
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: hash[0..<4]))
            }
            var writer = WordWriter(bytes, at: 4)
            write(&writer)
            count = writer.offset
        }
    }
}
