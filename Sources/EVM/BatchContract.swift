package import Primitives

/// The contract that settles many payments of one token in one transaction.
///
/// Its source is `contracts/FareboxBatch.vy`, where the calls and their rules are described.
package enum BatchContract {
    /// One payment of a batch.
    package struct Item: Hashable, Sendable {
        package let authorization: TransferAuthorization
        package let signature: Signature

        /// A payment signed by the key of an account.
        package init(_ authorization: TransferAuthorization, _ signature: RecoverableSignature) {
            self.authorization = authorization
            self.signature = .parts(signature)
        }

        /// A payment signed by a contract wallet; nil where the contract would not take so long a signature.
        package init?(_ authorization: TransferAuthorization, walletSignature: [UInt8]) {
            guard walletSignature.count <= BatchContract.maxSignatureBytes else { return nil }
            self.authorization = authorization
            self.signature = .wallet(walletSignature)
        }
    }

    /// How a payment is signed, which decides about the token's overload.
    package enum Signature: Hashable, Sendable {
        case parts(RecoverableSignature)
        case wallet([UInt8])
    }

    /// The most bytes of a contract wallet's signature.
    package static let maxSignatureBytes = 1024
    /// The most payments of a batch in which all are signed by accounts.
    package static let maxItems = 256
    /// The most payments of a batch in which any is signed by a contract wallet.
    package static let maxItemsWithWallets = 32
    /// Enough for one transfer of the tokens that are known, and for a wallet's opinion of its signature.
    package static let defaultGasCap: UInt64 = 200_000

    static let tokenFunction =
        "batchExecuteToken(address,uint256,"
        + "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)[])"
    static let signedFunction = "batchExecuteSigned(address,uint256,bytes[])"

    /// The data of the transaction that deploys it.
    package static let creationCode: [UInt8] = {
        guard let code = Hex.decode(creationCodeHex) else { preconditionFailure("a constant in hex") }
        return code
    }()

    /// The most payments that one call may carry.
    package static func capacity(withWallets: Bool) -> Int {
        withWallets ? maxItemsWithWallets : maxItems
    }

    /// The call that settles the payments, in the cheaper form where all are signed by accounts.
    ///
    /// No payment uses more gas than `gasCap`. There must be no more of them than `capacity(withWallets:)`.
    package static func callData(token: Address, items: [Item], gasCap: UInt64 = defaultGasCap) -> [UInt8] {
        let withWallets = hasWallets(items)
        precondition(items.count <= capacity(withWallets: withWallets), "a batch larger than the contract takes")
        var writer = ABIWriter(function: withWallets ? signedFunction : tokenFunction)
        writer.append(token)
        writer.append(UInt256(gasCap))
        writer.append(3 * 32)
        writer.append(items.count)
        guard withWallets else {
            for item in items { item.appendArguments(to: &writer) }
            return writer.bytes
        }
        var offset = 32 * items.count
        for item in items {
            writer.append(offset)
            offset += ABIWriter.size(counted: item.argumentCount)
        }
        for item in items {
            writer.append(item.argumentCount)
            item.appendArguments(to: &writer)
        }
        return writer.bytes
    }

    /// The gas with which no payment can make the call fail, whatever each of them does.
    ///
    /// The contract reverts as a whole when it could not give the next payment its cap.
    package static func gasLimit(callData: [UInt8], items: Int, gasCap: UInt64 = defaultGasCap) -> UInt64 {
        let bytes = UInt64(callData.count) * Gas.byte
        return Gas.transaction + bytes + Gas.fixed + UInt64(items) * (gasCap + Gas.around) + gasCap / 63 + Gas.spare
    }

    /// What became of each payment, out of what the call returned; nil when that is no such answer.
    package static func results(from returned: [UInt8], count: Int) -> [Bool]? {
        guard returned.count == 32, count <= maxItems else { return nil }
        let settled = { (index: Int) in returned[31 - index / 8] >> (index % 8) & 1 == 1 }
        guard !(count..<maxItems).contains(where: settled) else { return nil }
        return (0..<count).map(settled)
    }

    private static func hasWallets(_ items: [Item]) -> Bool {
        items.contains { if case .wallet = $0.signature { true } else { false } }
    }

    /// Upper bounds of what the contract uses besides its payments, in gas.
    private enum Gas {
        /// Every transaction (Yellow Paper, G_transaction).
        static let transaction: UInt64 = 21_000
        /// A byte of call data that is not zero (EIP-2028).
        static let byte: UInt64 = 16
        /// Dispatch, the token's first touch, and memory for the longest list.
        static let fixed: UInt64 = 30_000
        /// Copying a payment, calling, and writing down a failure.
        static let around: UInt64 = 8_000
        /// What the contract wants to see beside a cap before it tries a payment.
        static let spare: UInt64 = 10_000
    }
}

extension BatchContract.Item {
    /// The bytes of the arguments of `transferWithAuthorization`.
    fileprivate var argumentCount: Int {
        switch signature {
        case .parts: 9 * 32
        case .wallet(let bytes): 7 * 32 + ABIWriter.size(counted: bytes.count)
        }
    }

    fileprivate func appendArguments(to writer: inout ABIWriter) {
        writer.append(authorization.from)
        writer.append(authorization.to)
        writer.append(authorization.value)
        writer.append(authorization.validAfter)
        writer.append(authorization.validBefore)
        writer.append(authorization.nonce)
        switch signature {
        case .parts(let parts):
            writer.append(27 + Int(parts.recoveryID))
            writer.append(parts.r)
            writer.append(parts.s)
        case .wallet(let bytes):
            // The distance of the signature from the first word, by which the contract knows this overload.
            writer.append(7 * 32)
            writer.append(counted: bytes)
        }
    }
}
