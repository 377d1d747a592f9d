import EVM
import Primitives
import Testing

@Suite("A private key")
struct PrivateKeyTests {
    private static let digits = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

    @Test("is read with or without its prefix")
    func prefix() throws {
        let bare = try #require(PrivateKey(hex: Self.digits))
        let prefixed = try #require(PrivateKey(hex: "0x" + Self.digits))
        #expect(bare.address == prefixed.address)
        #expect(bare.address.checksummed == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    }

    @Test(
        "is a number from 1 to n − 1 in 64 digits",
        arguments: [
            "", "0x", String(digits.dropLast()), String(digits.dropLast(2)), digits + "00", digits.dropLast() + "g",
            String(repeating: "0", count: 64), String(repeating: "f", count: 64),
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        ])
    func refused(text: String) {
        #expect(PrivateKey(hex: text) == nil)
    }

    @Test("may be n − 1")
    func largest() {
        #expect(PrivateKey(hex: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140") != nil)
    }

    @Test("shows itself nowhere")
    func redaction() throws {
        struct Holder {
            let key: PrivateKey
        }
        let key = try #require(PrivateKey(hex: Self.digits))
        var dumped = ""
        dump(key, to: &dumped)
        dump([key], to: &dumped)
        dump(Holder(key: key), to: &dumped)
        let texts = [
            "\(key)", String(describing: key), String(reflecting: key), "\(Holder(key: key))", "\([key])", dumped,
            String(describing: Mirror(reflecting: key).children.map(\.value)),
        ]
        // The first eight bytes as a mirror of the stored word would print them.
        let word = String(UInt64(0xE317_9AC3_BE74_09AC))
        for text in texts {
            #expect(!text.lowercased().contains("ac0974be"))
            #expect(!text.contains(word))
        }
        #expect("\(key)".contains("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))
    }

    @Test("signs the same digest the same way, and differs from another key")
    func deterministic() throws {
        let key = PrivateKey.random()
        let digest = Keccak256.hash("digest")
        #expect(key.sign(digest: digest) == key.sign(digest: digest))
        #expect(key.address != PrivateKey.random().address)
    }

    @Test("signs what it recovers from, always with s in the lower half")
    func lowS() {
        let key = PrivateKey.random()
        for index in 0..<200 {
            let digest = Keccak256.hash("message \(index)")
            let signature = key.sign(digest: digest)
            #expect(signature.bytes65.withUnsafeBytes { RecoverableSignature.parse($0) } == .signature(signature))
            #expect(Secp256k1.shared.recoverAddress(digest: digest, signature: signature) == key.address)
        }
    }
}
