/// Why an adapter cannot be built as it stands in the file.
package struct AdapterMistake: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with a key's value.
    package enum Reason: String, Hashable, Sendable {
        case notURL = "not an http or https URL"
        case notPath = "not a path that can be appended to the URL"
        case notPositive = "must be more than zero"
        case noNetworks = "at least one network is needed"
        case notEVM = "an evm adapter serves eip155 networks only"
        case notOffchain = "an offchain adapter serves offchain networks only"
        case wrongVersion = "x402 versions are 1 and 2, each once"
        case notOneChain = "an evm adapter with nodes serves exactly one chain"
        case noUpto = "only an evm adapter can settle upto"
        case uptoVersion = "upto needs x402 version 2"
        case noSigner = "no key pays for gas"
        case noIdentity = "at least one field must make up a payment's identity"
    }

    /// The adapter's id.
    package var adapter: String
    /// The key of its table in the file.
    package var key: String
    package var reason: Reason

    package init(_ adapter: String, key: String, _ reason: Reason) {
        self.adapter = adapter
        self.key = key
        self.reason = reason
    }

    package var description: String { "adapter `\(adapter)`: \(key): \(reason.rawValue)" }
}
