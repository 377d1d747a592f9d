import Primitives
import Testing

/// Bytes 3, 10, 17, … of that length.
private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(($0 * 7 + 3) % 256) }
}

@Suite("Keccak-256")
struct Keccak256Tests {
    @Test(
        "has its known hashes",
        arguments: [
            ("", "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            ("abc", "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
            ("Transfer(address,address,uint256)", "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
        ])
    func known(text: String, hash: String) {
        #expect(Keccak256.hash(text).description == hash)
        #expect(Keccak256.hash([UInt8](text.utf8)).description == hash)
    }

    /// From a separate implementation in plain loops, itself checked against SHA3-256 with the other padding byte.
    @Test(
        "has the hashes of inputs on both sides of a block's end",
        arguments: [
            (1, "0x69c322e3248a5dfc29d73c5b0553b0185a35cd5bb6386747517ef7e53b15e287"),
            (64, "0x0251cf13aa5b18f1cbda7cddbe85f3dc536fc93df590c2d20ca9b28af1ed2c39"),
            (134, "0x0c00ddc2482876f8fa8cc91ed55deedf61049892967f383560faf8a5787f86c5"),
            (135, "0x00ef96af9cf4b24c7f269d922294444a197d0a33638c2e56634c57e892103a8f"),
            (136, "0x742061bcad767ed4c4f5883b1dcb1aad11afdcc140dc469d953759b127b9f9ed"),
            (137, "0xe3371f61e770abf254c34239c3b0099ad90594507415bc81dd0a10b9692bbf2a"),
            (271, "0x4401c4afbe16ff911bdbf2d38e556e5b861f3fdf0f9d4306b1c46f6ae4f73584"),
            (272, "0xac141fd7b0a0ffcd2e967254d508da3ec616596493c36fa304425647d90e6de5"),
            (273, "0x16192ea86793083e47731cb3c970600f04768414d92bc0540e54ce8607a0fce0"),
            (1000, "0x80cdc8dd52cbb3dbaea8f383209893fa2bb52efbd5aedbb4b26dcfe307fcdc9b"),
            (10000, "0xfb6445fe8addf265a1160903c83a1831bdbcb752732ccd931199bdab8052f85f"),
        ])
    func lengths(count: Int, hash: String) {
        #expect(Keccak256.hash(pattern(count)).description == hash)
    }

    @Test("reads from memory of any alignment")
    func alignment() {
        let bytes = pattern(300)
        for offset in 0..<8 {
            let shifted = [UInt8](repeating: 0, count: offset) + bytes
            let hash = shifted.withUnsafeBytes { Keccak256.hash(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
            #expect(hash == Keccak256.hash(bytes))
        }
    }
}

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "has its known hashes",
        arguments: [
            ("", "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "0x248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func known(text: String, hash: String) {
        #expect(SHA256.hash(text).description == hash)
        #expect(SHA256.hash([UInt8](text.utf8)).description == hash)
    }

    @Test("does not depend on how the input is cut", arguments: [0, 1, 63, 64, 65, 199, 200])
    func pieces(cut: Int) {
        let bytes = pattern(200)
        var hash = SHA256()
        bytes[..<cut].withUnsafeBytes { hash.update($0) }
        bytes[cut...].withUnsafeBytes { hash.update($0) }
        #expect(hash.finish() == SHA256.hash(bytes))
        #expect(
            SHA256.hash(pattern(1000)).description
                == "0x1e9bc38cbf860b9ec31918b065f9b52476c549a782e0e7990bed8ce3868d2371")
    }
}

@Suite("HMAC-SHA-256")
struct HMACSHA256Tests {
    /// RFC 4231 §4.2 to §4.5, §4.7 and §4.8; the last is the empty message under the empty key.
    @Test(
        "has the examples of RFC 4231",
        arguments: [
            (
                [UInt8](repeating: 0x0B, count: 20), [UInt8]("Hi There".utf8),
                "0xb0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                [UInt8]("Jefe".utf8), [UInt8]("what do ya want for nothing?".utf8),
                "0x5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
                "0x773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                [UInt8](1...25), [UInt8](repeating: 0xCD, count: 50),
                "0x82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
            ),
            (
                [UInt8](repeating: 0xAA, count: 131),
                [UInt8]("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "0x60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            ([], [], "0xb613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ] as [([UInt8], [UInt8], String)])
    func examples(key: [UInt8], message: [UInt8], code: String) {
        #expect(HMACSHA256.authenticate(message, key: key).description == code)
    }
}
