package import Primitives

extension PermitTransfer {
    /// `settle` of the proxy for scheme exact.
    static let exactCall = "settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)"
    /// `settle` of the proxy for scheme upto, which takes the amount that moves.
    static let uptoCall =
        "settle(((address,uint256),uint256,uint256),uint256,address,(address,address,uint256),bytes)"
    /// The same with an ERC-2612 permit before them; never called here, but others may.
    static let exactCallWithPermit =
        "settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),((address,uint256),uint256,uint256),address,"
        + "(address,uint256),bytes)"
    static let uptoCallWithPermit =
        "settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),((address,uint256),uint256,uint256),uint256,address,"
        + "(address,address,uint256),bytes)"

    /// The call of the spender that moves the amount; under scheme exact that is the permitted one.
    package func callData(moving amount: UInt256, signature: [UInt8]) -> [UInt8] {
        var writer = ABIWriter(function: witness.facilitator == nil ? Self.exactCall : Self.uptoCall)
        let head = arguments(moving: amount)
        for word in head { writer.append(word) }
        writer.append(32 * (head.count + 1))
        writer.append(counted: signature)
        return writer.bytes
    }

    /// The amount that a call of the spender moves under this permit; nil for any other call.
    ///
    /// What follows the arguments is not looked at: the signature may have two forms, and others put their marks behind it.
    package func amount(movedBy input: [UInt8]) -> UInt256? {
        guard input.count >= 4 else { return nil }
        let isUpto = witness.facilitator != nil
        let first: Int
        switch Array(input[..<4]) {
        case isUpto ? Self.uptoSelector : Self.exactSelector: first = 0
        case isUpto ? Self.uptoSelectorWithPermit : Self.exactSelectorWithPermit: first = 5
        default: return nil
        }
        let reader = ABIReader(Array(input[4...]))
        guard let moved = isUpto ? reader.integer(first + 4) : amount else { return nil }
        for (index, word) in arguments(moving: moved).enumerated() where reader.word(first + index) != word {
            return nil
        }
        return moved
    }

    /// The words before the signature's offset.
    private func arguments(moving moved: UInt256) -> [Bytes32] {
        var words = [Bytes32(token), Bytes32(amount), Bytes32(nonce), Bytes32(deadline)]
        if witness.facilitator != nil { words.append(Bytes32(moved)) }
        words += [Bytes32(owner), Bytes32(witness.to)]
        if let facilitator = witness.facilitator { words.append(Bytes32(facilitator)) }
        return words + [Bytes32(witness.validAfter)]
    }

    private static func selector(_ function: String) -> [UInt8] { ABIWriter(function: function).bytes }

    private static let exactSelector = selector(exactCall)
    private static let uptoSelector = selector(uptoCall)
    private static let exactSelectorWithPermit = selector(exactCallWithPermit)
    private static let uptoSelectorWithPermit = selector(uptoCallWithPermit)
}

extension Bytes32 {
    /// The number as a word.
    package init(_ number: UInt256) {
        self = withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
            number.storeBigEndian(to: bytes)
            return Bytes32(UnsafeRawBufferPointer(bytes))
        }
    }
}
