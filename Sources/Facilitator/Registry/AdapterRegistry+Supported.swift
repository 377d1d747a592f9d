package import X402

extension AdapterRegistry {
    /// What `/supported` lists.
    ///
    /// Version 1 has its own network names and no patterns, so what it cannot name is served but not listed (x402 v1 §
    /// network names).
    package var supported: SupportedAnswer {
        var kinds: [SupportedAnswer.Kind] = []
        var signers: [SupportedAnswer.Signers] = []
        for rail in rails {
            for kind in rail.kinds {
                guard let network = kind.listedNetwork else { continue }
                kinds.append(
                    SupportedAnswer.Kind(
                        x402Version: kind.x402Version, scheme: kind.scheme, network: network, extra: kind.extra))
            }
            for (pattern, names) in rail.signers {
                if let index = signers.firstIndex(where: { $0.pattern == pattern }) {
                    signers[index].signers += names.filter { !signers[index].signers.contains($0) }
                } else {
                    signers.append(SupportedAnswer.Signers(pattern: pattern, signers: names))
                }
            }
        }
        return SupportedAnswer(
            kinds: kinds, extensions: [PresentedIdentifier.extensionName.description], signers: signers)
    }

    /// Lines for the start of the process: what must not go unnoticed.
    package var notices: [String] {
        rails.flatMap(\.notices)
    }
}

extension SupportedKind {
    /// The network as its version spells it, nil where it has no spelling.
    fileprivate var listedNetwork: String? {
        guard x402Version == 1 else { return network.text }
        return Network(network.text)?.v1Name
    }
}
