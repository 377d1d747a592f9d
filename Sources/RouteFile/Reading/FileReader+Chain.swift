import EVM
import Facilitator
import Foundation
import Pricing
import Primitives
import Transport
import X402

/// What an adapter on a chain says, and what the rest of the file says to it.
struct ChainContext {
    var assets: AssetBook
    var policy: TransferPolicy
    /// Of `[payments]`, for every chain.
    var knownSettlers: Set<Address>
    var batch: BatchSettings
}

extension FileReader {
    /// The keys that only an adapter on a chain has.
    static let chainKeys = [
        "rpc_url", "rpc_urls", "rpc_url_env", "signer_key_env", "signer_key_file", "confirmations", "batch_contract",
        "known_settlers", "wallet_factories", "max_fee_per_gas", "gas_budget_per_hour", "min_payment", "native_price",
        "bump_after",
    ]

    /// `kind = "evm"`, backend `rpc`.
    func chainBackend(
        _ section: Section, _ scope: AdapterScope, _ context: ChainContext
    ) -> AdapterConfiguration.Backend? {
        let urls = rpcURLs(section)
        let keys = signerKeys(section)
        guard let network = scope.networks.first, scope.networks.count == 1,
            let chainID = Network(network.text)?.chainID
        else {
            log.add(section.place(of: "networks"), "must be one chain such as \"eip155:8453\": its nodes are asked")
            return nil
        }
        let steps = confirmations(section)
        let floor = section.read("min_payment", ValueKind.dollars)
        let ether = section.read("native_price", ValueKind.dollars)
        let maxFee = section.read("max_fee_per_gas", ValueKind.wei)
        let budget = section.read("gas_budget_per_hour", ValueKind.wei)
        let contract = section.read("batch_contract", ValueKind.contract)
        let settlers = section.list("known_settlers", ValueKind.contract)
        let factories = section.list("wallet_factories", ValueKind.contract)
        let settleTimeout = section.read("settle_timeout", ValueKind.duration)
        let bumpAfter = section.read("bump_after", ValueKind.duration)
        guard let urls, let keys, let steps, let maxFee, let settleTimeout, let bumpAfter else { return nil }
        let assets = context.assets.all.filter { $0.network.chainID == chainID }.compactMap {
            ChainAsset($0, steps: steps, floor: floor?.value, ether: ether?.value)
        }
        var timing = ChainTiming()
        timing.bumpAfter = bumpAfter.value
        var settings = ChainSettings(
            chainID: chainID, urls: urls, keys: keys, assets: assets, policy: context.policy,
            fees: FeePolicy(maxFeePerGas: maxFee.value), gasBudget: budget?.value, settleTimeout: settleTimeout.value,
            batchContract: contract?.value, maxBatch: context.batch.maxItems,
            knownSettlers: context.knownSettlers.union(settlers?.map(\.value) ?? []),
            walletFactories: Set(factories?.map(\.value) ?? []), timing: timing)
        settings.knownSettlers.subtract(keys.map(\.address))
        return .chain(settings)
    }

    // MARK: Nodes

    private func rpcURLs(_ section: Section) -> [Secret]? {
        let given = ["rpc_url", "rpc_urls", "rpc_url_env"].filter(section.has)
        guard given.count == 1, let key = given.first else {
            let reason =
                given.isEmpty
                ? "is missing: where the chain's nodes are; or `rpc_url_env`, or type = \"mock\" in [adapters.backend]"
                : "belongs to one of `rpc_url`, `rpc_urls` and `rpc_url_env` only"
            log.add(section.place(of: given.last ?? "rpc_url"), reason)
            return nil
        }
        if key == "rpc_url_env" {
            guard let secret = secret(section, key) else { return nil }
            let texts = secret.reveal { $0.split(separator: ",").map(String.init) }
            let urls = texts.filter { OutgoingURL($0) != nil }.compactMap { Secret($0) }
            guard urls.count == texts.count, !urls.isEmpty else {
                log.add(
                    section.place(of: key), "the variable's value is not an http or https URL, or several with commas")
                return nil
            }
            return urls
        }
        guard let list = section.list(key, ValueKind.url), !list.isEmpty else { return nil }
        return list.compactMap { Secret($0.value) }
    }

    // MARK: Signers

    private func signerKeys(_ section: Section) -> [PrivateKey]? {
        let texts: [String]
        switch (section.has("signer_key_env"), section.has("signer_key_file")) {
        case (true, false):
            guard let secret = secret(section, "signer_key_env") else { return nil }
            texts = secret.reveal { $0.split(separator: ",").map(String.init) }
        case (false, true):
            guard let path = section.read("signer_key_file", ValueKind.text),
                let data = FileManager.default.contents(atPath: path.value), data.count <= 64 << 10
            else {
                log.add(section.place(of: "signer_key_file"), "cannot be read")
                return nil
            }
            texts = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        case (false, false):
            log.add(section.place(of: "signer_key_env"), "is missing: the variable with the key that pays for gas")
            return nil
        case (true, true):
            log.add(section.place(of: "signer_key_file"), "is beside `signer_key_env`: one of them is enough")
            return nil
        }
        let keys = texts.compactMap { PrivateKey(hex: $0) }
        let key = section.has("signer_key_env") ? "signer_key_env" : "signer_key_file"
        guard keys.count == texts.count, !keys.isEmpty else {
            log.add(section.place(of: key), "holds no private key of 64 hexadecimal digits, or several with commas")
            return nil
        }
        guard Set(keys.map(\.address)).count == keys.count else {
            log.add(section.place(of: key), "holds a key twice: each signer has one writer")
            return nil
        }
        return keys
    }

    // MARK: Confirmations

    struct DollarStep {
        var from: DollarAmount?
        var depth: UInt64
    }

    /// `confirmations = 2`, or `[["$0", 1], ["$100", 5]]`: from each amount on so many blocks.
    private func confirmations(_ section: Section) -> [DollarStep]? {
        let range = 1...256
        guard let node = section.node("confirmations") else { return [] }
        if case .integer = node.value {
            guard let depth = section.read("confirmations", ValueKind.integer(range)) else { return nil }
            return [DollarStep(from: nil, depth: UInt64(depth.value))]
        }
        let advice =
            "must be a number of blocks, or pairs of an amount and a number such as [[\"$1\", 1], [\"$100\", 5]]"
        guard case .array(let pairs) = node.value, !pairs.isEmpty else {
            log.add(node.place, advice)
            return nil
        }
        var steps: [DollarStep] = []
        for pair in pairs {
            guard case .array(let members) = pair.value, members.count == 2 else {
                log.add(pair.place, advice)
                return nil
            }
            guard let from = ValueKind.dollars(members[0]).value(at: members[0].place, log),
                let depth = ValueKind.integer(range)(members[1]).value(at: members[1].place, log)
            else { return nil }
            steps.append(DollarStep(from: from, depth: UInt64(depth)))
        }
        return steps
    }
}

extension ChainAsset {
    /// Turns dollars into the asset's units; one that is not pegged waits for the deepest step, and has no floor.
    fileprivate init?(
        _ asset: AssetSettings, steps: [FileReader.DollarStep], floor: DollarAmount?, ether: DollarAmount?
    ) {
        guard let chainID = asset.network.chainID, let address = asset.account.address else { return nil }
        let usesPermit2 = asset.usesPermit2
        guard let name = asset.signingName ?? (usesPermit2 ? "" : nil),
            let version = asset.signingVersion ?? (usesPermit2 ? "" : nil)
        else { return nil }
        let domain = TypedDataDomain(name: name, version: version, chainID: chainID, verifyingContract: address)
        guard asset.isDollarPegged else {
            let deepest = steps.map(\.depth).max() ?? 1
            self.init(
                domain: domain, usesPermit2: usesPermit2, confirmations: [ConfirmationStep(from: .zero, depth: deepest)]
            )
            return
        }
        func units(_ dollars: DollarAmount?) -> UInt256? {
            dollars.flatMap { try? $0.atomicUnits(assetDecimals: asset.decimals) }
        }
        let confirmations = steps.map { ConfirmationStep(from: units($0.from) ?? .zero, depth: $0.depth) }
            .sorted { $0.from < $1.from }
        self.init(
            domain: domain, usesPermit2: usesPermit2, confirmations: confirmations, floor: units(floor) ?? .zero,
            unitsPerEther: units(ether)?.uint64)
    }
}
