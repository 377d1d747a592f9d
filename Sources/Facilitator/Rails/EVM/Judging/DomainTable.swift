package import EVM
package import Primitives

/// EIP-712 domains with their separators, computed when the file is read.
///
/// Immutable, so readers on every loop share it without a lock. A domain that is not in it is computed anew each time.
package struct DomainTable: Sendable {
    private struct Key: Hashable {
        var chainID: UInt64
        var contract: Address
    }

    private var domains: [Key: [TypedDataDomain]] = [:]

    /// Takes the domains of the offers that will be made, beside those of the catalogue.
    package init(_ known: [TypedDataDomain] = []) {
        for domain in known + AssetCatalogue.all.map(\.domain) {
            let key = Key(chainID: domain.chainID, contract: domain.verifyingContract)
            if domains[key]?.contains(domain) != true { domains[key, default: []].append(domain) }
        }
    }

    /// The domain of an offer; allocates nothing when it is known.
    package func domain(name: String, version: String, chainID: UInt64, contract: Address) -> TypedDataDomain {
        if let known = domains[Key(chainID: chainID, contract: contract)] {
            for domain in known where domain.name == name && domain.version == version { return domain }
        }
        return TypedDataDomain(name: name, version: version, chainID: chainID, verifyingContract: contract)
    }
}
