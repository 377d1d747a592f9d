import Primitives
import Testing

@Suite("An address")
struct AddressTests {
    /// The examples of EIP-55.
    static let checksummed = [
        "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ]

    @Test("is written with the checksum of EIP-55", arguments: checksummed)
    func checksum(text: String) throws {
        let address = try #require(Address(text))
        #expect(address.checksummed == text)
        #expect(address.description == text)
        #expect(address.lowercased == text.lowercased())
    }

    @Test("is the same whatever the case of its text", arguments: checksummed)
    func caseFree(text: String) throws {
        let address = try #require(Address(text))
        #expect(Address(text.lowercased()) == address)
        #expect(Address("0x" + text.dropFirst(2).uppercased()) == address)
        #expect(address.withBytes { Address($0) } == address)
        #expect(address.withBytes { Hex.encode($0) } == text.lowercased())
    }

    @Test("passes the checksum test in its own case and in one case only", arguments: checksummed)
    func valid(text: String) {
        #expect(Address.hasValidChecksum(text))
        #expect(Address.hasValidChecksum(text.lowercased()))
        #expect(Address.hasValidChecksum("0x" + text.dropFirst(2).uppercased()))
    }

    @Test("fails the checksum test when one letter of a mixed text is of the other case")
    func invalid() {
        let text = Array("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
        for place in 2..<text.count where text[place].isLetter {
            var other = text
            let letter = String(text[place])
            other[place] = Character(letter == letter.lowercased() ? letter.uppercased() : letter.lowercased())
            #expect(!Address.hasValidChecksum(String(other)), "at \(place)")
        }
    }

    @Test(
        "is refused in any other text",
        arguments: [
            "", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", " 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe\u{0}",
        ])
    func refused(text: String) {
        #expect(Address(text) == nil)
        #expect(!Address.hasValidChecksum(text))
    }

    @Test("is zero when all its bytes are")
    func zero() {
        #expect(Address.zero == Address("0x0000000000000000000000000000000000000000"))
        #expect(Address.zero != Address("0x0000000000000000000000000000000000000001"))
        #expect(Address.zero != Address("0x0100000000000000000000000000000000000000"))
    }
}
