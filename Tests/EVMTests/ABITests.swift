import Primitives
import Testing

@testable import EVM

@Suite("Words of the contract ABI")
struct ABITests {
    @Test("a word is there or is not")
    func word() {
        let reader = ABIReader(abiWords([UInt256(7), .max]) + [1, 2, 3])
        #expect(reader.integer(0) == UInt256(7))
        #expect(reader.integer(1) == .max)
        #expect(reader.integer(2) == nil)
        #expect(reader.integer(-1) == nil)
        #expect(reader.word(.max) == nil)
        #expect(ABIReader([]).word(0) == nil)
    }

    @Test("a truth value is 0 or 1, an address has twelve zeros before it")
    func narrow() {
        let reader = ABIReader(abiWords([UInt256(0), UInt256(1), UInt256(2), .max]))
        #expect(reader.bool(0) == false)
        #expect(reader.bool(1) == true)
        #expect(reader.bool(2) == nil)
        #expect(reader.bool(3) == nil)
        #expect(reader.address(2) == Address("0x0000000000000000000000000000000000000002"))
        #expect(reader.address(3) == nil)
        #expect(Bytes32(Address.zero).address == .zero)
    }

    @Test(
        "lies of offset and length give nothing",
        arguments: [
            ("an offset past the end", abiWords([UInt256(33)])),
            ("an offset of 2^64 - 1", abiWords([UInt256(.max)], then: [])),
            ("an offset of 2^255", abiWords([UInt256(highToLow: 1 << 63, 0, 0, 0)])),
            ("an offset to the end", abiWords([UInt256(32)])),
            ("a length past the end", abiWords([UInt256(32), UInt256(1)])),
            ("a length of 2^63 - 1", abiWords([UInt256(32), UInt256(UInt64(Int64.max))])),
            ("a length of 2^64 - 1", abiWords([UInt256(32), UInt256(.max)])),
            ("a length of 2^256 - 1", abiWords([UInt256(32), .max])),
        ])
    func lies(name: String, bytes: [UInt8]) {
        let reader = ABIReader(bytes)
        #expect(reader.dynamicBytes(0) == nil, "\(name)")
        #expect(reader.text(0) == nil)
        #expect(reader.array(0) == nil)
    }

    @Test("an offset may point anywhere inside, itself included")
    func overlap() {
        #expect(ABIReader(abiWords([.zero])).dynamicBytes(0) == [])
        #expect(ABIReader(abiWords([UInt256(32), UInt256(3)], then: [1, 2, 3])).dynamicBytes(0) == [1, 2, 3])
        // Tuples that point to themselves are read as deep as the reader goes, and no deeper.
        #expect(ABIReader(abiWords([.zero])).tuple(0)?.tuple(0)?.tuple(0)?.integer(0) == .zero)
    }

    @Test("random bytes never trap")
    func random() {
        var generator = SplitMix(state: 20_261_121)
        for _ in 0..<20_000 {
            let count = Int(generator.next() % 5) * 32 + Int(generator.next() % 4)
            var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            // Mostly small words, so that some offsets hold.
            for index in bytes.indices where index % 32 < 31 && generator.next() % 8 != 0 { bytes[index] = 0 }
            let reader = ABIReader(bytes)
            for index in -1...4 {
                _ = reader.dynamicBytes(index)
                _ = reader.tuple(index)?.dynamicBytes(1)
                _ = reader.array(index)?.elements.tuple(1)?.address(0)
            }
            _ = RevertReason(data: bytes).text
            _ = ContractSignature(bytes)
            _ = Multicall3.results(from: bytes, count: 2)
        }
    }

    @Test("calls of tokens and wallets are those of the reference encoder")
    func calls() throws {
        let vectors = try #require(ChainVectors.shared).calls
        let account = try #require(Address("0x1212121212121212121212121212121212121212"))
        let word = try #require(Bytes32([UInt8](repeating: 0x34, count: 32)))
        let calls = [
            "authorizationState": TokenCall.authorizationState(of: account, nonce: word),
            "balanceOf": TokenCall.balance(of: account),
            "name": TokenCall.name, "version": TokenCall.version, "domainSeparator": TokenCall.domainSeparator,
            "isValidSignature": TokenCall.isValidSignature([UInt8](repeating: 5, count: 65), digest: word),
        ]
        #expect(calls.mapValues { Hex.encode($0) } == vectors)
        #expect(Hex.encode(TokenCall.authorizationState(of: account, nonce: word).prefix(4)) == "0xe94a0102")
        #expect(Hex.encode(TokenCall.balance(of: account).prefix(4)) == "0x70a08231")
        #expect(Hex.encode(TokenCall.name) == "0x06fdde03")
        #expect(Hex.encode(TokenCall.version) == "0x54fd4d50")
        #expect(Hex.encode(TokenCall.domainSeparator) == "0x3644e515")
    }

    @Test("a wallet accepts with the selector and nothing else")
    func acceptance() {
        let yes: [UInt8] = [0x16, 0x26, 0xBA, 0x7E] + [UInt8](repeating: 0, count: 28)
        #expect(TokenCall.isAcceptance(yes))
        #expect(TokenCall.isAcceptance(yes + [UInt8](repeating: 9, count: 32)))
        #expect(!TokenCall.isAcceptance(Array(yes.prefix(31))))
        #expect(!TokenCall.isAcceptance([]))
        #expect(!TokenCall.isAcceptance([UInt8](repeating: 0xFF, count: 4) + yes.dropFirst(4)))
        #expect(!TokenCall.isAcceptance(abiWords([UInt256(1)])))
        #expect(!TokenCall.isAcceptance(yes.dropLast() + [1]))
    }

    @Test("a token's name comes as a text or in one word")
    func names() {
        #expect(TokenCall.text(abiWords([UInt256(32), UInt256(4)], then: Array("USDC".utf8) + [0, 0])) == "USDC")
        #expect(TokenCall.text(Array("MKR".utf8) + [UInt8](repeating: 0, count: 29)) == "MKR")
        #expect(TokenCall.text([]) == nil)
        #expect(TokenCall.text([1, 2]) == nil)
    }
}

/// Words, and what comes behind them.
func abiWords(_ values: [UInt256], then rest: [UInt8] = []) -> [UInt8] {
    values.flatMap(\.bigEndianBytes) + rest
}

/// A small generator with a seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite("A rollup's publishing fee")
struct PublishingFeeTests {
    @Test("is asked for with the transaction, and read as one number")
    func call() {
        let call = PublishingFee.call(for: [2, 0xC0])
        #expect(Hex.encode(call.prefix(4)) == "0x49948e0e")
        #expect(ABIReader(Array(call.dropFirst(4))).dynamicBytes(0) == [2, 0xC0])
        #expect(PublishingFee.wei(UInt256(77).bigEndianBytes) == UInt256(77))
        #expect(PublishingFee.wei([]) == nil)
        #expect(PublishingFee.oracle.lowercased == "0x420000000000000000000000000000000000000f")
    }
}
