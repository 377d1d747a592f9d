package import X402

/// Which rail serves a payment, by x402 version, scheme and network.
///
/// An exact network beats a pattern; two rails with an equal claim are an error when the registry is built. Immutable, so
/// that a reload makes another one.
package struct AdapterRegistry: Sendable {
    private struct Key: Hashable {
        var version: Int
        var scheme: String
        var network: String
    }

    private struct Wildcard: Sendable {
        var key: Key
        var pattern: NetworkPattern
        var rail: any Rail
    }

    /// Every rail, in the order of the file.
    package let rails: [any Rail]
    private let exact: [Key: any Rail]
    private let wildcards: [Wildcard]

    /// Takes the rails in the order of the file.
    package init(_ rails: [any Rail]) throws(RegistryConflict) {
        var exact: [Key: any Rail] = [:]
        var wildcards: [Wildcard] = []
        var ids: Set<String> = []
        var conflicts: [RegistryConflict.Pair] = []
        for rail in rails {
            if !ids.insert(rail.id).inserted { conflicts.append(.sameID(rail.id)) }
            for kind in rail.kinds {
                let key = Key(version: kind.x402Version, scheme: kind.scheme, network: kind.network.text)
                let rival: (any Rail)?
                if kind.network.isExact {
                    rival = exact.updateValue(rail, forKey: key)
                } else {
                    rival = wildcards.first { $0.key == key }?.rail
                    wildcards.append(Wildcard(key: key, pattern: kind.network, rail: rail))
                }
                if let rival { conflicts.append(.tie(rival.id, rail.id, kind)) }
            }
        }
        guard conflicts.isEmpty else { throw RegistryConflict(pairs: conflicts) }
        self.rails = rails
        self.exact = exact
        self.wildcards = wildcards
    }

    /// The rail of a payment, nil where none serves it; allocates nothing.
    package func rail(version: Int, scheme: String, network: Network) -> (any Rail)? {
        if let rail = exact[Key(version: version, scheme: scheme, network: network.name)] { return rail }
        for wildcard in wildcards where wildcard.key.version == version && wildcard.key.scheme == scheme {
            if wildcard.pattern.matches(network) { return wildcard.rail }
        }
        return nil
    }

    /// The rail with that id: the one that settles what it verified.
    package func rail(id: String) -> (any Rail)? {
        rails.first { $0.id == id }
    }

    /// Whether any rail serves the scheme in that version.
    package func serves(scheme: String, version: Int) -> Bool {
        rails.contains { rail in rail.kinds.contains { $0.scheme == scheme && $0.x402Version == version } }
    }
}

/// Adapters of the file that cannot stand side by side.
package struct RegistryConflict: Error, Hashable, Sendable, CustomStringConvertible {
    /// Two adapters, and what they both claim.
    package enum Pair: Hashable, Sendable {
        case sameID(String)
        case tie(String, String, SupportedKind)
    }

    /// Every conflict, in the order of the file.
    package var pairs: [Pair]

    package init(pairs: [Pair]) { self.pairs = pairs }

    package var description: String {
        pairs.map { pair in
            switch pair {
            case .sameID(let id): "two adapters have the id `\(id)`"
            case .tie(let first, let second, let kind):
                "adapters `\(first)` and `\(second)` both serve version \(kind.x402Version), scheme \(kind.scheme), "
                    + "network \(kind.network)"
            }
        }.joined(separator: "; ")
    }
}
