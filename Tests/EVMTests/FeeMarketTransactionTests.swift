import Primitives
import Testing

@testable import EVM

@Suite("A fee-market transaction")
struct FeeMarketTransactionTests {
    @Test("has its vectors at hand")
    func vectors() throws {
        let vectors = try #require(ChainVectors.shared)
        #expect(vectors.transactions.count == 8)
        #expect(vectors.rlpIntegers.count == 9)
        #expect(vectors.rlpStrings.count == 9)
        #expect(vectors.rlpLists.count == 5)
    }

    @Test("is signed to the byte as eth-account signs it", arguments: ChainVectors.shared?.transactions ?? [])
    func signing(vector: ChainVectors.Transaction) throws {
        let key = try #require(PrivateKey(hex: String(repeating: "46", count: 32)))
        let transaction = FeeMarketTransaction(
            chainID: vector.chainId, nonce: try #require(UInt64(vector.nonce)),
            maxPriorityFee: try #require(UInt256(vector.maxPriorityFee)), maxFee: try #require(UInt256(vector.maxFee)),
            gasLimit: try #require(UInt64(vector.gasLimit)),
            to: try vector.to.map { try #require(Address($0)) }, value: try #require(UInt256(vector.value)),
            data: try bytes(vector.data))
        let signed = transaction.signed(by: key)
        #expect(Hex.encode(signed.raw) == vector.raw)
        #expect(signed.hash.description == vector.hash)
        #expect(signed.from.checksummed == ChainVectors.shared?.signer)
        #expect(signed.nonce == transaction.nonce)
        #expect(transaction.signed(by: key) == signed)
    }

    @Test("every field is part of what is signed")
    func digest() throws {
        let transaction = FeeMarketTransaction(
            chainID: 1, nonce: 2, maxPriorityFee: UInt256(3), maxFee: UInt256(4), gasLimit: 5, to: .zero,
            value: UInt256(6), data: [7])
        let changes: [(inout FeeMarketTransaction) -> Void] = [
            { $0.chainID = 9 }, { $0.nonce = 9 }, { $0.maxPriorityFee = UInt256(9) }, { $0.maxFee = UInt256(9) },
            { $0.gasLimit = 9 }, { $0.to = nil }, { $0.value = UInt256(9) }, { $0.data = [9] },
        ]
        var digests: Set<Bytes32> = [transaction.signingDigest]
        for change in changes {
            var other = transaction
            change(&other)
            digests.insert(other.signingDigest)
        }
        #expect(digests.count == changes.count + 1)
    }
}

@Suite("Recursive length prefix")
struct RLPWriterTests {
    @Test("integers have no leading zeros", arguments: ChainVectors.shared?.rlpIntegers ?? [])
    func integers(vector: ChainVectors.Value) throws {
        var writer = RLPWriter()
        writer.append(try #require(UInt256(vector.value)))
        #expect(Hex.encode(writer.bytes) == vector.encoded)
    }

    @Test("strings have their length before them", arguments: ChainVectors.shared?.rlpStrings ?? [])
    func strings(vector: ChainVectors.Value) throws {
        var writer = RLPWriter()
        writer.append(try bytes(vector.value))
        #expect(Hex.encode(writer.bytes) == vector.encoded)
    }

    @Test("lists have the length of all their items before them")
    func lists() throws {
        for vector in try #require(ChainVectors.shared).rlpLists {
            var writer = RLPWriter()
            let items = try vector.items.map { try bytes($0) }
            writer.appendList { list in
                for item in items { list.append(item) }
            }
            #expect(Hex.encode(writer.bytes) == vector.encoded)
        }
    }
}

@Suite("A created contract's address")
struct AddressCreationTests {
    @Test(
        "comes of sender and nonce",
        arguments: [
            (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"), (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
            (2, "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"), (3, "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
        ])
    func address(nonce: UInt64, expected: String) throws {
        let sender = try #require(Address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))
        #expect(Address(createdBy: sender, nonce: nonce).lowercased == expected)
    }
}
