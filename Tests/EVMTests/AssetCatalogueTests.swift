import EVM
import Primitives
import Testing

@Suite("The asset catalogue")
struct AssetCatalogueTests {
    @Test("has USDC with the separator that its contract has", arguments: Vectors.usdc)
    func usdc(token: Vectors.Token) throws {
        let asset = try #require(AssetCatalogue.all.first { $0.network == token.caip2 })
        #expect(asset.chainID == token.chainId)
        #expect(asset.address.checksummed == token.asset)
        #expect(asset.name == token.name)
        #expect(asset.version == token.version)
        #expect(asset.decimals == token.decimals)
        #expect(asset.domainSeparator.description == token.domainSeparator)
    }

    @Test(
        "finds a token by its id",
        arguments: [
            ("usdc@base", 8453, false), ("usdc@base-sepolia", 84_532, true), ("usdc@arbitrum", 42_161, false),
            ("usdc@arbitrum-sepolia", 421_614, true), ("usdc@ethereum", 1, false), ("usdc@sepolia", 11_155_111, true),
            ("usdc@optimism", 10, false), ("usdc@polygon", 137, false), ("usdc@polygon-amoy", 80_002, true),
            ("usdc@avalanche", 43_114, false), ("usdc@avalanche-fuji", 43_113, true),
        ] as [(String, UInt64, Bool)])
    func identifiers(id: String, chainID: UInt64, isTestnet: Bool) throws {
        let asset = try #require(AssetCatalogue.asset(id: id))
        #expect(asset.id == id)
        #expect(asset.chainID == chainID)
        #expect(asset.network == "eip155:\(chainID)")
        #expect(asset.isTestnet == isTestnet)
    }

    @Test("has each id and each network once, and no others")
    func unique() {
        #expect(AssetCatalogue.all.count == 11)
        #expect(Set(AssetCatalogue.all.map(\.id)).count == 11)
        #expect(Set(AssetCatalogue.all.map(\.network)).count == 11)
        #expect(AssetCatalogue.asset(id: "usdc@nowhere") == nil)
        #expect(AssetCatalogue.asset(id: "USDC@base") == nil)
    }
}
