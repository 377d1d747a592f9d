/// The network names of x402 version 1 on which every reader agrees.
///
/// Names that SDKs map to different chains (`story`, `educhain`, `skale-base-sepolia`) are left out: a payment is never
/// bound to a guess. Source: the network tables of the official Python SDK 2.25 and of the legacy TypeScript packages.
package enum V1NetworkNames {
    private static let table: [(name: String, chainID: UInt64, isLegacy: Bool)] = [
        ("base", 8453, true), ("base-sepolia", 84532, true),
        ("ethereum", 1, false),
        ("polygon", 137, true), ("polygon-amoy", 80002, true),
        ("avalanche", 43114, true), ("avalanche-fuji", 43113, true),
        ("abstract", 2741, true), ("abstract-testnet", 11124, true),
        ("iotex", 4689, true),
        ("sei", 1329, true), ("sei-testnet", 1328, true),
        ("peaq", 3338, true),
        ("celo", 42220, false), ("flare", 14, false), ("megaeth", 4326, false),
        ("monad", 143, false), ("monad-testnet", 10143, false),
        ("stable", 988, false), ("stable-testnet", 2201, false),
    ]

    /// The name of a chain, nil where version 1 has none.
    package static func name(of chainID: UInt64) -> String? { table.first { $0.chainID == chainID }?.name }

    /// The chain of a name, nil for unknown or contested names.
    package static func chainID(of name: String) -> UInt64? { table.first { $0.name == name }?.chainID }

    /// Whether the strictest reader, the legacy zod enum, knows the name: one unknown entry makes it refuse a whole 402
    /// body.
    package static func isInLegacyEnum(_ name: String) -> Bool { table.contains { $0.name == name && $0.isLegacy } }
}
