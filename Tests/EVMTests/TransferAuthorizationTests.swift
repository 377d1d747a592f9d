import Primitives
import Testing

@testable import EVM

@Suite("A transfer authorization")
struct TransferAuthorizationTests {
    @Test("has its vectors at hand")
    func vectors() throws {
        let vectors = try #require(Vectors.shared)
        #expect(vectors.transfers.count == 5)
        #expect(vectors.negative.count == 5)
        #expect(vectors.usdc.count == 11)
        #expect(vectors.typeHashes.count == 2)
        #expect(vectors.selectors.count == 2)
    }

    @Test("has the separator, the struct hash and the digest of the vectors", arguments: Vectors.transfers)
    func hashes(vector: Vectors.Transfer) throws {
        let domain = try vector.domain.domain()
        let authorization = try vector.message.authorization()
        #expect(domain.separator.description == vector.domainSeparator)
        #expect(authorization.structHash().description == vector.structHash)
        #expect(authorization.digest(in: domain).description == vector.digest)
    }

    @Test("becomes both forms of the call", arguments: Vectors.transfers)
    func callData(vector: Vectors.Transfer) throws {
        let authorization = try vector.message.authorization()
        let signature = try signature(vector.signature)
        #expect(
            Hex.encode(authorization.callData(v: signature.v, r: signature.r, s: signature.s)) == vector.calldataVRS)
        #expect(Hex.encode(authorization.callData(signature: signature.bytes65)) == vector.calldataBytes)
    }

    @Test("pads a signature of any length to whole words", arguments: [0, 1, 31, 32, 33, 65, 320])
    func padding(count: Int) throws {
        let vector = try #require(Vectors.transfers.first)
        let bytes = [UInt8](repeating: 0xEE, count: count)
        let call = try vector.message.authorization().callData(signature: bytes)
        let words = (count + 31) / 32
        #expect(call.count == 4 + 8 * 32 + words * 32)
        #expect(Array(call[(4 + 6 * 32)..<(4 + 7 * 32)]) == UInt256(7 * 32).bigEndianBytes)
        #expect(Array(call[(4 + 7 * 32)..<(4 + 8 * 32)]) == UInt256(UInt64(count)).bigEndianBytes)
        #expect(Array(call[(4 + 8 * 32)...]) == bytes + [UInt8](repeating: 0, count: words * 32 - count))
    }

    @Test("hashes the types and the calls that it names")
    func constants() throws {
        let vectors = try #require(Vectors.shared)
        #expect(TypedDataDomain.typeHash.description == vectors.typeHashes[TypedDataDomain.type])
        #expect(TransferAuthorization.typeHash.description == vectors.typeHashes[TransferAuthorization.type])
        for call in [TransferAuthorization.callWithParts, TransferAuthorization.callWithBytes] {
            #expect(Hex.encode(Keccak256.hash(call).bytes[..<4]) == vectors.selectors[call])
        }
    }

    @Test("gives another digest when any field or the domain differs")
    func binding() throws {
        let vector = try #require(Vectors.transfers.first)
        let domain = try vector.domain.domain()
        let authorization = try vector.message.authorization()
        var others: [TransferAuthorization] = []
        for change in [
            { $0.from = .zero }, { $0.to = .zero }, { $0.value = UInt256(10_001) }, { $0.validAfter = UInt256(1) },
            { $0.validBefore = UInt256(1) }, { $0.nonce = .zero },
        ] as [(inout TransferAuthorization) -> Void] {
            var other = authorization
            change(&other)
            others.append(other)
        }
        let digests = Set(others.map { $0.digest(in: domain) } + [authorization.digest(in: domain)])
        #expect(digests.count == 7)
    }

    @Test("of the published specification recovers to its payer")
    func sample() throws {
        let sample = try #require(Vectors.shared).specificationSample
        let domain = try sample.domain.domain()
        let digest = try sample.message.authorization().digest(in: domain)
        #expect(digest.description == sample.digest)
        let signer = Secp256k1.shared.recoverAddress(digest: digest, signature: try signature(sample.signature))
        #expect(signer == Address(sample.message.from))
    }
}
