import Primitives
import Testing

@testable import EVM

@Suite("A Permit2 transfer")
struct PermitTransferTests {
    @Test("has its vectors at hand")
    func vectors() {
        #expect(PermitVector.all.count == 4)
        #expect(PermitVector.typeHashes.count == 6)
    }

    @Test("hashes the types that it names")
    func types() {
        let types = [
            Permit2.domainType, PermitTransfer.permissionsType, PermitTransfer.exactWitnessType,
            PermitTransfer.uptoWitnessType, PermitTransfer.exactType, PermitTransfer.uptoType,
        ]
        for type in types { #expect(Keccak256.hash(type).description == PermitVector.typeHashes[type]) }
    }

    @Test("has the separator, the struct hash and the digest of the vectors", arguments: PermitVector.all)
    func hashes(vector: PermitVector) throws {
        let separator = Permit2.separator(chainID: vector.chainId)
        let permit = try vector.permit()
        #expect(separator.description == vector.domainSeparator)
        #expect(permit.structHash().description == vector.structHash)
        let digest = permit.digest(separator: separator)
        #expect(digest.description == vector.digest)
        let signer = Secp256k1.shared.recoverAddress(digest: digest, signature: try signature(vector.signature))
        #expect(signer == permit.owner)
    }

    @Test("becomes the call of its proxy", arguments: PermitVector.all)
    func callData(vector: PermitVector) throws {
        let call = try vector.permit().callData(
            moving: try #require(UInt256(vector.moved)), signature: try #require(Hex.decode(vector.signature)))
        #expect(Hex.encode(call) == vector.callData)
    }

    @Test("knows the calls that moved it, whoever made them", arguments: PermitVector.all)
    func movedBy(vector: PermitVector) throws {
        let permit = try vector.permit()
        let moved = try #require(UInt256(vector.moved))
        for text in [vector.callData, vector.callDataWithPermit] {
            let call = try #require(Hex.decode(text))
            #expect(permit.amount(movedBy: call) == moved)
            #expect(permit.amount(movedBy: call + [0x80, 0x21]) == moved, "marks behind a call change nothing")
            #expect(permit.amount(movedBy: Array(call[..<200])) == nil)
            #expect(permit.amount(movedBy: Array(call[..<3])) == nil)
        }
    }

    @Test("is not moved by the call of another permit", arguments: PermitVector.all)
    func movedByAnother(vector: PermitVector) throws {
        let permit = try vector.permit()
        let call = try #require(Hex.decode(vector.callData))
        let other = try #require(Address("0x00000000000000000000000000000000000000AA"))
        for change in [
            { $0.owner = other }, { $0.token = other }, { $0.amount = UInt256(3) }, { $0.nonce = UInt256(3) },
            { $0.deadline = UInt256(3) }, { $0.witness.to = other }, { $0.witness.validAfter = UInt256(3) },
        ] as [(inout PermitTransfer) -> Void] {
            var changed = permit
            change(&changed)
            #expect(changed.amount(movedBy: call) == nil)
            let isSigned = changed.digest(separator: .zero) != permit.digest(separator: .zero)
            #expect(isSigned == (changed.owner == permit.owner), "the message holds all but its signer")
        }
        var turned = permit
        turned.witness.facilitator = permit.witness.facilitator == nil ? other : nil
        #expect(turned.amount(movedBy: call) == nil)
        #expect(turned.digest(separator: .zero) != permit.digest(separator: .zero))
    }

    @Test("finds its nonce in the bitmap", arguments: [0, 1, 7, 8, 255, 256, 0x1_00FF] as [UInt64])
    func bitmap(nonce: UInt64) throws {
        let nonce = UInt256(nonce)
        let owner = try #require(Address("0x00000000000000000000000000000000000000AA"))
        let call = Permit2.nonceBitmap(of: owner, nonce: nonce)
        #expect(call.count == 4 + 64)
        #expect(Array(call[36...]) == UInt256(try #require(nonce.uint64) >> 8).bigEndianBytes)
        let bit = Int(nonce.bigEndianBytes[31])
        var word = [UInt8](repeating: 0, count: 32)
        word[31 - bit / 8] = 1 << (bit % 8)
        #expect(Permit2.isUsed(nonce, in: word) == true)
        #expect(Permit2.isUsed(nonce, in: word.map { ~$0 }) == false)
        #expect(Permit2.isUsed(nonce, in: []) == nil)
        var log = ChainLog(
            address: Permit2.address, topics: [Permit2.invalidationTopic, Bytes32(owner)],
            data: Array(call[36...]) + word, blockNumber: 1, blockHash: .zero, transaction: .zero, index: 0)
        #expect(Permit2.invalidates(log, owner: owner, nonce: nonce))
        log.data = Array(call[36...]) + word.map { ~$0 }
        #expect(!Permit2.invalidates(log, owner: owner, nonce: nonce))
    }
}
