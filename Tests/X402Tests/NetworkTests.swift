import Testing
import X402

@Suite("Networks")
struct NetworkTests {
    @Test(
        "CAIP-2 names are read",
        arguments: [
            ("eip155:1", 1), ("eip155:8453", 8453), ("eip155:18446744073709551615", UInt64.max), ("offchain:bank", nil),
            ("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", nil), ("a-b:A_b-9", nil), ("eip1559:x", nil),
        ] as [(String, UInt64?)])
    func reads(name: String, chainID: UInt64?) throws {
        let network = try #require(Network(name))
        #expect(network.name == name && network.chainID == chainID)
    }

    @Test(
        "other names are refused",
        arguments: [
            "", ":", "eip155", "eip155:", ":1", "eip155:01", "eip155:0", "eip155:-1", "eip155:1x", "eip155:1:2", "ab:c",
            "eip155:18446744073709551616", "toolongns:x", "Eip155:1", "off chain:x", "offchain:b!", "offchain:é",
            "offchain:" + String(repeating: "x", count: 33),
        ])
    func refuses(name: String) {
        #expect(Network(name) == nil)
    }

    @Test(
        "version 1 names mean one chain each and come back",
        arguments: [
            ("base", 8453), ("base-sepolia", 84532), ("ethereum", 1), ("polygon", 137), ("polygon-amoy", 80002),
            ("avalanche", 43114), ("avalanche-fuji", 43113), ("abstract", 2741), ("abstract-testnet", 11124),
            ("iotex", 4689), ("sei", 1329), ("sei-testnet", 1328), ("peaq", 3338), ("celo", 42220), ("flare", 14),
            ("megaeth", 4326), ("monad", 143), ("monad-testnet", 10143), ("stable", 988), ("stable-testnet", 2201),
        ] as [(String, UInt64)])
    func namesVersion1(name: String, chainID: UInt64) {
        #expect(Network.named(v1: name) == Network(chainID: chainID))
        #expect(Network(chainID: chainID).v1Name == name)
    }

    @Test(
        "chains without a version 1 name have none", arguments: [42161, 10, 11_155_111, 31337, 1513, 1514] as [UInt64])
    func namesNoOthers(chainID: UInt64) {
        #expect(Network(chainID: chainID).v1Name == nil)
    }
}
