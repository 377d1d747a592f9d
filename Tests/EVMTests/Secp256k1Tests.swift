import Primitives
import Testing

@testable import EVM

@Suite("The curve")
struct Secp256k1Tests {
    private let curve = Secp256k1.shared

    @Test("recovers, verifies and signs as the vectors do", arguments: Vectors.transfers)
    func vectors(vector: Vectors.Transfer) throws {
        let digest = try #require(Bytes32(hex: vector.digest))
        let payer = try #require(Address(vector.payer))
        let expected = try signature(vector.signature)
        let key = try #require(PrivateKey(hex: vector.privateKey))
        #expect(key.address == payer)
        #expect(key.sign(digest: digest) == expected)
        let publicKey = try #require(curve.recover(digest: digest, signature: expected))
        #expect(curve.address(of: publicKey) == payer)
        #expect(curve.recoverAddress(digest: digest, signature: expected) == payer)
        #expect(curve.verify(digest: digest, signature: expected, publicKey: publicKey))
    }

    @Test("recovers somebody else from what was signed for another domain", arguments: Vectors.negative)
    func negative(vector: Vectors.Negative) throws {
        let digest = try #require(Bytes32(hex: vector.digest))
        let bytes = try #require(Hex.decode(vector.signature))
        let raw = RecoverableSignature(
            r: try #require(Bytes32(Array(bytes[0..<32]))), s: try #require(Bytes32(Array(bytes[32..<64]))),
            recoveryID: bytes[64] - 27)
        #expect(curve.recoverAddress(digest: digest, signature: raw) == Address(vector.recovers))
        if vector.recovers == vector.expectedPayer {
            #expect(try parse(vector.signature) == .highS)
        } else {
            #expect(try signature(vector.signature) == raw)
        }
    }

    @Test("verifies no other digest and no other key")
    func refusals() throws {
        let key = PrivateKey.random()
        let other = PrivateKey.random()
        let digest = Keccak256.hash("one")
        let signature = key.sign(digest: digest)
        let publicKey = try #require(curve.recover(digest: digest, signature: signature))
        let otherSignature = other.sign(digest: digest)
        let otherKey = try #require(curve.recover(digest: digest, signature: otherSignature))
        #expect(curve.verify(digest: digest, signature: signature, publicKey: publicKey))
        #expect(!curve.verify(digest: Keccak256.hash("two"), signature: signature, publicKey: publicKey))
        #expect(!curve.verify(digest: digest, signature: signature, publicKey: otherKey))
        #expect(!curve.verify(digest: digest, signature: otherSignature, publicKey: publicKey))
    }

    @Test("recovers nobody when r is no point's coordinate")
    func noPoint() throws {
        // x = 5 is not on the curve: 5³ + 7 = 132 is not a square modulo the field's prime.
        let five = try #require(Bytes32(UInt256(5).bigEndianBytes))
        let one = try #require(Bytes32(UInt256(1).bigEndianBytes))
        let signature = RecoverableSignature(r: five, s: one, recoveryID: 0)
        #expect(curve.recover(digest: Keccak256.hash("one"), signature: signature) == nil)
        #expect(curve.recoverAddress(digest: Keccak256.hash("one"), signature: signature) == nil)
    }

    @Test("has the generator as the key of one")
    func generator() throws {
        // SEC 2 §2.4.1 has the coordinates; the address is the well-known one of the private key 1.
        let key = try #require(PrivateKey(hex: String(repeating: "0", count: 63) + "1"))
        #expect(key.address.checksummed == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
        let digest = Keccak256.hash("one")
        let publicKey = try #require(curve.recover(digest: digest, signature: key.sign(digest: digest)))
        #expect(
            Hex.encode(publicKey.bytes)
                == "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
                + "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
    }

    @Test("finds the recovery id that makes a signature the signer's", arguments: Vectors.transfers)
    func recoveryID(vector: Vectors.Transfer) throws {
        let digest = try #require(Bytes32(hex: vector.digest))
        let payer = try #require(Address(vector.payer))
        let right = try signature(vector.signature)
        let flipped = RecoverableSignature(r: right.r, s: right.s, recoveryID: 1 - right.recoveryID)
        #expect(curve.recoveryID(of: right, digest: digest, signer: payer) == right.recoveryID)
        #expect(curve.recoveryID(of: flipped, digest: digest, signer: payer) == right.recoveryID)
        #expect(curve.recoveryID(of: right, digest: digest, signer: .zero) == nil)
    }
}
