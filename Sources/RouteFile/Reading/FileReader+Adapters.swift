import EVM
import Facilitator
import X402

/// An adapter as far as it could be read.
struct AdapterDraft {
    var id: String
    var place: Place
    var versions: [Int]
    var schemes: [String]
    var networks: [NetworkPattern]
    var configuration: AdapterConfiguration?

    /// The versions in which it serves a scheme; none where it does not.
    func versions(of scheme: String) -> [Int] {
        guard schemes.contains(scheme) else { return [] }
        return scheme == "upto" ? versions.filter { $0 == 2 } : versions
    }
}

/// The adapters of a file, and what they serve.
struct AdapterBook {
    var list: [AdapterDraft] = []
    /// False when some adapter's reach is not known because of a mistake.
    var isComplete = true

    /// Whether any adapter sends transactions of its own.
    var spendsGas: Bool {
        list.contains { draft in
            if case .chain? = draft.configuration?.backend { true } else { false }
        }
    }

    /// The member of an offer that names who settles under upto; nil where the adapter does not.
    func facilitator(of adapter: String) -> JSONMember? {
        list.first { $0.id == adapter }?.configuration?.facilitator.map { .facilitatorAddress($0) }
    }

    /// The id of the adapter that serves this; an exact network beats a pattern.
    func serving(version: Int, scheme: String, network: Network) -> String? {
        let candidates = list.filter { $0.versions(of: scheme).contains(version) }
        let exact = candidates.first { $0.networks.contains { $0.isExact && $0.matches(network) } }
        return (exact ?? candidates.first { $0.networks.contains { $0.matches(network) } })?.id
    }
}

extension FileReader {
    private enum Kind: String, CaseIterable {
        case evm, offchain, remote
    }

    /// `[[adapters]]`, in the order of the file, with the ties among them.
    func adapters(_ sections: [Section], _ context: ChainContext) -> AdapterBook {
        var book = AdapterBook()
        for section in sections {
            guard let draft = adapter(section, context) else {
                book.isComplete = false
                continue
            }
            checkTies(draft, with: book.list)
            book.list.append(draft)
        }
        return book
    }

    private func adapter(_ section: Section, _ context: ChainContext) -> AdapterDraft? {
        let kind = section.require("kind", ValueKind.word(Kind.allCases.map { ($0.rawValue, $0) }))
        let id = section.require("id", ValueKind.name)
        let schemes = schemes(section)
        let networks = section.has("networks") ? section.list("networks", ValueKind.networkPattern) : nil
        if networks == nil { log.add(section.place(of: "networks"), "is missing") }
        let signers = section.list("signers", ValueKind.name)?.map(\.value) ?? []
        let versions = section.list("x402_version", ValueKind.integer(1...2))?.map(\.value)
        let areReadable = networks.map { !$0.isEmpty || !log.hasMistake(under: section.place(of: "networks")) } ?? false
        guard let kind, let id, let schemes, let networks, areReadable else { return nil }
        let scope = AdapterScope(
            id: id.value, versions: versions ?? (kind.value == .offchain ? [2] : [1, 2]), schemes: schemes,
            networks: networks.map(\.value), signers: signers)
        let backend: AdapterConfiguration.Backend? =
            switch kind.value {
            case .evm: evmBackend(section, scope, context)
            case .offchain: offchainBackend(section)
            case .remote: remoteBackend(section, context.policy)
            }
        let configuration = backend.map { AdapterConfiguration(scope: scope, backend: $0) }
        if let configuration { check(configuration, section) }
        return AdapterDraft(
            id: scope.id, place: id.place, versions: scope.versions, schemes: scope.schemes, networks: scope.networks,
            configuration: configuration)
    }

    /// `scheme = "exact"`, or several; nil where any is wrong.
    private func schemes(_ section: Section) -> [String]? {
        let words = ValueKind.word([("exact", "exact"), ("upto", "upto")])
        guard let list = section.list("scheme", words), !log.hasMistake(under: section.place(of: "scheme")) else {
            return nil
        }
        let schemes = list.map(\.value)
        if schemes.isEmpty || Set(schemes).count != schemes.count {
            log.add(section.place(of: "scheme"), schemes.isEmpty ? "is empty" : "has a scheme twice")
            return nil
        }
        return schemes
    }

    /// The rail's own judgement, told at the key that it names.
    private func check(_ configuration: AdapterConfiguration, _ section: Section) {
        do {
            try RailFactory.check(configuration)
        } catch {
            log.add(section.place(of: error.key), error.reason.rawValue)
        }
    }

    private func checkTies(_ draft: AdapterDraft, with others: [AdapterDraft]) {
        for other in others {
            if other.id == draft.id {
                log.add(draft.place, "there is another adapter \"\(draft.id)\" in line \(other.place.line)")
            }
            checkSigners(draft, other)
            for scheme in draft.schemes {
                let versions = draft.versions(of: scheme).filter(other.versions(of: scheme).contains)
                guard let version = versions.first else { continue }
                for network in draft.networks where other.networks.contains(network) {
                    log.add(
                        draft.place,
                        "serves x402 version \(version), scheme \(scheme) and network \(network) like the adapter "
                            + "\"\(other.id)\" in line \(other.place.line)")
                }
            }
        }
    }

    /// Each key has one writer on a chain: two would give out the same nonces.
    private func checkSigners(_ draft: AdapterDraft, _ other: AdapterDraft) {
        guard case .chain(let mine)? = draft.configuration?.backend,
            case .chain(let others)? = other.configuration?.backend, mine.chainID == others.chainID,
            !Set(mine.keys.map(\.address)).isDisjoint(with: others.keys.map(\.address))
        else { return }
        log.add(
            draft.place,
            "signs on the same chain with a key of the adapter \"\(other.id)\" in line \(other.place.line): let one adapter "
                + "serve both schemes with scheme = [\"exact\", \"upto\"]")
    }

    // MARK: - Kinds

    private func evmBackend(
        _ section: Section, _ scope: AdapterScope, _ context: ChainContext
    ) -> AdapterConfiguration.Backend? {
        section.refuse(["url", "api_key_env", "timeout_seconds"], "belongs to adapters of kind \"remote\"")
        section.refuse(["identity", "other_fields"], "belongs to adapters of kind \"offchain\"")
        if section.has("backend") {
            guard let backend = section.section("backend", table: "adapters.backend") else { return nil }
            refuseAll(backend, but: ["type"], "has no meaning for an evm adapter")
            guard let type = backendType(backend, of: ["mock", "rpc"]) else { return nil }
            if type == "mock" {
                section.refuse(Self.chainKeys + ["settle_timeout"], "has no meaning for an evm mock")
                return .mockEVM(MockEVMSettings(policy: context.policy, domains: domains(of: scope, context.assets)))
            }
        }
        return chainBackend(section, scope, context)
    }

    private func domains(of scope: AdapterScope, _ assets: AssetBook) -> [TypedDataDomain] {
        assets.all.compactMap { asset -> TypedDataDomain? in
            guard scope.networks.contains(where: { $0.matches(asset.network) }) else { return nil }
            return asset.domain
        }
    }

    private func offchainBackend(_ section: Section) -> AdapterConfiguration.Backend? {
        section.refuse(["url", "settle_timeout"], "belongs to adapters of kind \"remote\"")
        section.refuse(Self.chainKeys, "belongs to adapters of kind \"evm\"")
        section.refuse(["api_key_env", "timeout_seconds"], "belongs into [adapters.backend]")
        let fields = OffchainFields(
            identity: section.list("identity", ValueKind.name)?.map(\.value) ?? [],
            others: section.list("other_fields", ValueKind.name)?.map(\.value) ?? [])
        guard let backend = section.section("backend", table: "adapters.backend") else {
            if !section.has("backend") {
                log.add(section.place(of: "backend"), "is missing: type = \"http\" or \"mock\"")
            }
            return nil
        }
        guard let type = backendType(backend, of: ["http", "mock"]) else { return nil }
        return type == "mock" ? mockOffchain(backend, fields) : bridge(backend, fields)
    }

    private func mockOffchain(_ backend: Section, _ fields: OffchainFields) -> AdapterConfiguration.Backend? {
        refuseAll(backend, but: ["type", "payer", "transaction_prefix"], "belongs to a backend of type \"http\"")
        let payer = backend.read("payer", ValueKind.name)
        let prefix = backend.read("transaction_prefix", ValueKind.name)
        guard let payer, let prefix else { return nil }
        return .mockOffchain(
            MockOffchainSettings(payer: payer.value, transactionPrefix: prefix.value, fields: fields))
    }

    private func bridge(_ backend: Section, _ fields: OffchainFields) -> AdapterConfiguration.Backend? {
        backend.refuse(["payer", "transaction_prefix"], "belongs to a backend of type \"mock\"")
        let url = backend.require("base_url", ValueKind.url)
        let verifyPath = backend.read("verify_path", ValueKind.path)
        let settlePath = backend.read("settle_path", ValueKind.path)
        let key = secret(backend, "api_key_env")
        let timeout = backend.read("timeout_seconds", ValueKind.integer(1...300))
        let isIdempotent = backend.read("idempotent", ValueKind.bool)
        guard let url, let verifyPath, let settlePath, let timeout, let isIdempotent else { return nil }
        return .bridge(
            BridgeSettings(
                baseURL: url.value, verifyPath: verifyPath.value, settlePath: settlePath.value, apiKey: key,
                timeout: .seconds(timeout.value), isIdempotent: isIdempotent.value, fields: fields))
    }

    private func remoteBackend(_ section: Section, _ policy: TransferPolicy) -> AdapterConfiguration.Backend? {
        section.refuse(["backend"], "has no meaning for a remote adapter; write `url`")
        section.refuse(Self.chainKeys, "belongs to adapters of kind \"evm\"")
        section.refuse(["identity", "other_fields"], "belongs to adapters of kind \"offchain\"")
        let url = section.require("url", ValueKind.url)
        let key = secret(section, "api_key_env")
        let timeout = section.read("timeout_seconds", ValueKind.integer(1...300))
        let settleTimeout = section.read("settle_timeout", ValueKind.duration)
        guard let url, let timeout, let settleTimeout else { return nil }
        return .remote(
            RemoteSettings(
                url: url.value, apiKey: key, timeout: .seconds(timeout.value), settleTimeout: settleTimeout.value,
                policy: policy))
    }

    private func backendType(_ backend: Section, of types: [String]) -> String? {
        backend.require("type", ValueKind.word(types.map { ($0, $0) }))?.value
    }

    private func refuseAll(_ section: Section, but kept: [String], _ reason: String) {
        let known = RouteFileSchema.keys(of: section.table).filter { $0.availability == .now }.map(\.name)
        section.refuse(known.filter { !kept.contains($0) }, reason)
    }
}

extension AssetSettings {
    /// What a payer of this asset signs under; nil for an asset that is no contract.
    fileprivate var domain: TypedDataDomain? {
        guard let chainID = network.chainID, let address = account.address, let signingName, let signingVersion else {
            return nil
        }
        return TypedDataDomain(
            name: signingName, version: signingVersion, chainID: chainID, verifyingContract: address)
    }
}
