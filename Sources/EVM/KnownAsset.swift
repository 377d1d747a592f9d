package import Primitives

/// A token that is known by an id, with what a signature for it needs.
package struct KnownAsset: Hashable, Sendable {
    /// The name in a route file, `usdc@base`.
    package let id: String
    /// The chain in CAIP-2 form, `eip155:8453`.
    package let network: String
    /// The digits after the token's point.
    package let decimals: Int
    /// Whether its units are worth nothing.
    package let isTestnet: Bool
    /// The domain its authorizations are signed in.
    package let domain: TypedDataDomain

    init(_ id: String, chainID: UInt64, address: String, name: String, isTestnet: Bool = false) {
        guard let contract = Address(address) else {
            preconditionFailure("the catalogue has a malformed address")
        }
        self.id = id
        self.network = "eip155:\(chainID)"
        self.decimals = 6
        self.isTestnet = isTestnet
        self.domain = TypedDataDomain(name: name, version: "2", chainID: chainID, verifyingContract: contract)
    }

    /// The EIP-155 chain id.
    package var chainID: UInt64 { domain.chainID }
    /// The token's contract.
    package var address: Address { domain.verifyingContract }
    /// The signing name.
    package var name: String { domain.name }
    /// The signing version.
    package var version: String { domain.version }
    /// The EIP-712 domain separator, as the contract's `DOMAIN_SEPARATOR()` gives it.
    package var domainSeparator: Bytes32 { domain.separator }
}
