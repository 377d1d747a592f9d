/// The tokens that need no more configuration than an id.
///
/// Circle's USDC, from its published list of contract addresses: six decimals and signing version 2 everywhere. The
/// signing name is the contract's own, "USDC" or "USD Coin", and not to be guessed.
package enum AssetCatalogue {
    /// Every known token; ids are unique.
    package static let all: [KnownAsset] = [
        KnownAsset(
            "usdc@base", chainID: 8453, address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", name: "USD Coin"),
        KnownAsset(
            "usdc@base-sepolia", chainID: 84_532, address: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            name: "USDC", isTestnet: true),
        KnownAsset(
            "usdc@arbitrum", chainID: 42_161, address: "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
            name: "USD Coin"),
        KnownAsset(
            "usdc@arbitrum-sepolia", chainID: 421_614, address: "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d",
            name: "USD Coin", isTestnet: true),
        KnownAsset(
            "usdc@ethereum", chainID: 1, address: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", name: "USD Coin"),
        KnownAsset(
            "usdc@sepolia", chainID: 11_155_111, address: "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
            name: "USDC", isTestnet: true),
        KnownAsset(
            "usdc@optimism", chainID: 10, address: "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", name: "USD Coin"),
        KnownAsset(
            "usdc@polygon", chainID: 137, address: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", name: "USD Coin"),
        KnownAsset(
            "usdc@polygon-amoy", chainID: 80_002, address: "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
            name: "USDC", isTestnet: true),
        KnownAsset(
            "usdc@avalanche", chainID: 43_114, address: "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E",
            name: "USD Coin"),
        KnownAsset(
            "usdc@avalanche-fuji", chainID: 43_113, address: "0x5425890298aed601595a70AB815c96711a31Bc65",
            name: "USD Coin", isTestnet: true),
    ]

    /// The token of that id.
    package static func asset(id: String) -> KnownAsset? {
        all.first { $0.id == id }
    }
}
