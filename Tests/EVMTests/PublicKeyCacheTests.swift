import Primitives
import Testing

@testable import EVM

/// An event loop's cache, which expectations can ask.
private final class LoopCache {
    private var cache: PublicKeyCache

    init(capacity: Int = 4096) {
        cache = PublicKeyCache(capacity: capacity)
    }

    var count: Int { cache.count }

    func signer(
        of digest: Bytes32, signature: RecoverableSignature, claimed: Address, checkingParity: Bool = true
    ) -> Bool {
        cache.signer(of: digest, signature: signature, claimed: claimed, checkingParity: checkingParity)
    }
}

@Suite("The cache of public keys")
struct PublicKeyCacheTests {
    private let digest = Keccak256.hash("digest")

    @Test("knows a signer from a stranger, at first sight and later", arguments: [true, false])
    func signer(checkingParity: Bool) {
        let key = PrivateKey.random()
        let other = PrivateKey.random()
        let cache = LoopCache()
        for round in 0..<3 {
            let digest = Keccak256.hash("round \(round)")
            let signature = key.sign(digest: digest)
            #expect(
                cache.signer(
                    of: digest, signature: signature, claimed: key.address, checkingParity: checkingParity))
            #expect(
                !cache.signer(
                    of: digest, signature: signature, claimed: other.address, checkingParity: checkingParity))
            #expect(
                !cache.signer(
                    of: digest, signature: other.sign(digest: digest), claimed: key.address,
                    checkingParity: checkingParity))
            #expect(
                !cache.signer(
                    of: self.digest, signature: signature, claimed: key.address, checkingParity: checkingParity))
        }
        #expect(cache.count == 1)
    }

    @Test("lets a flipped parity pass only where it was asked not to look")
    func parity() {
        let key = PrivateKey.random()
        let signature = key.sign(digest: digest)
        let flipped = RecoverableSignature(r: signature.r, s: signature.s, recoveryID: 1 - signature.recoveryID)
        let cache = LoopCache()
        #expect(!cache.signer(of: digest, signature: flipped, claimed: key.address))
        #expect(!cache.signer(of: digest, signature: flipped, claimed: key.address, checkingParity: false))
        #expect(cache.signer(of: digest, signature: signature, claimed: key.address))
        #expect(!cache.signer(of: digest, signature: flipped, claimed: key.address))
        #expect(cache.signer(of: digest, signature: flipped, claimed: key.address, checkingParity: false))
    }

    @Test("never keeps more than its capacity, and still answers rightly")
    func capacity() {
        let keys = (0..<20).map { _ in PrivateKey.random() }
        let cache = LoopCache(capacity: 8)
        for _ in 0..<2 {
            for key in keys {
                let signature = key.sign(digest: digest)
                #expect(cache.signer(of: digest, signature: signature, claimed: key.address, checkingParity: false))
                #expect(cache.count <= 8)
            }
        }
        #expect(cache.count >= 4)
    }

    @Test("remembers nobody whom it did not recover")
    func strangers() {
        let key = PrivateKey.random()
        let cache = LoopCache()
        #expect(!cache.signer(of: digest, signature: key.sign(digest: digest), claimed: .zero))
        #expect(cache.count == 0)
    }
}
