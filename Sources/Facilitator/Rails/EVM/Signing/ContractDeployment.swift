import EVM
package import Primitives
package import Transport

/// Puts our contract for batches on a chain, paid by the first signer of an adapter.
package struct ContractDeployment: Sendable {
    private let chain: Chain
    private let settings: ChainSettings
    private let clock: RailClock

    /// Asks the nodes of the adapter.
    package init(
        _ settings: ChainSettings, adapter: String, client: OutgoingClient, clock: RailClock = .system
    ) throws(AdapterMistake) {
        chain = Chain(try settings.node(adapter: adapter, client: client, clock: clock))
        self.settings = settings
        self.clock = clock
    }

    /// What it would take, before anything is sent.
    package struct Estimate: Hashable, Sendable {
        package var signer: Address
        package var gas: UInt64
        /// Wei at most.
        package var cost: UInt256
        fileprivate var fees: GasFees
    }

    /// Asks for gas and fees.
    package func estimate() async throws(RailError) -> Estimate {
        let signer = settings.keys[0].address
        do throws(ChainError) {
            guard try await chain.chainID() == settings.chainID else {
                throw ChainError(.wrongChain, "the node is on another chain than the adapter")
            }
            let estimate = try await chain.estimateGas(
                CallRequest(to: nil, data: BatchContract.creationCode, from: signer))
            guard case .gas(let gas) = estimate else {
                throw ChainError(.unavailable, "the node cannot estimate the gas: has the signer funds?")
            }
            guard let fees = settings.fees.opening(try await chain.fees()) else {
                throw ChainError(.unavailable, "gas costs more than max_fee_per_gas allows")
            }
            let limit = gas.addingWithLimit(gas / 10)
            return Estimate(signer: signer, gas: limit, cost: fees.bound(gas: limit), fees: fees)
        } catch {
            throw RailError(error)
        }
    }

    /// Sends it and waits for its block; returns the contract's address.
    package func deploy(_ estimate: Estimate, timeout: Duration) async throws(RailError) -> Address {
        do throws(ChainError) {
            let nonce = try await chain.nonce(of: estimate.signer, at: .pending)
            let transaction = FeeMarketTransaction(
                chainID: settings.chainID, nonce: nonce, maxPriorityFee: estimate.fees.tip,
                maxFee: estimate.fees.maxFee,
                gasLimit: estimate.gas, to: nil, data: BatchContract.creationCode
            ).signed(by: settings.keys[0])
            switch try await chain.send(transaction.raw) {
            case .accepted, .alreadyKnown: break
            case .insufficientFunds: throw ChainError(.misconfigured, "the signer has no funds for gas")
            default: throw ChainError(.unavailable, "the node does not take the transaction now; try again")
            }
            return try await address(of: transaction.hash, timeout: timeout)
        } catch {
            throw RailError(error)
        }
    }

    private func address(of transaction: Bytes32, timeout: Duration) async throws(ChainError) -> Address {
        let deadline = clock.now() + timeout
        while clock.now() < deadline {
            if let receipt = try await chain.receipt(transaction) {
                guard receipt.succeeded, let address = receipt.createdContract,
                    !(try await chain.code(of: address)).isEmpty
                else { throw ChainError(.unavailable, "the transaction \(transaction.hex) was mined and failed") }
                return address
            }
            guard (try? await clock.sleep(settings.timing.poll)) != nil else { break }
        }
        throw ChainError(.timeout, "the transaction \(transaction.hex) is not mined yet")
    }
}

extension ChainSettings {
    /// The nodes behind the URLs.
    func node(adapter: String, client: OutgoingClient, clock: RailClock) throws(AdapterMistake) -> RPCNode {
        var urls: [OutgoingURL] = []
        for secret in self.urls {
            guard let url = secret.reveal({ OutgoingURL($0) }) else {
                throw AdapterMistake(adapter, key: "rpc_url", .notURL)
            }
            urls.append(url)
        }
        return RPCNode(
            urls: urls, client: client,
            settings: RPCSettings(chainID: chainID, timeout: timing.callTimeout, patience: timing.callTimeout * 3),
            clock: clock)
    }
}
