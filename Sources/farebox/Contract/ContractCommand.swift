import ArgumentParser
import EVM
import Facilitator
import Foundation
import NIOCore
import NIOPosix
import Primitives
import RouteFile
import Transport
import X402

/// `farebox contract`: the contract that settles many payments in one transaction.
struct ContractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contract",
        abstract: "Put the contract for batches on a chain.",
        discussion: """
            Routes with `settle = "batch"` are settled together. Where the adapter has a `batch_contract` they go through it, \
            which costs less gas than Multicall3 and lets contract wallets share a batch.
            """,
        subcommands: [Deploy.self])

    /// Deploys it.
    struct Deploy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deploy the contract, paid by the first signer of an adapter.",
            discussion: """
                Prints the address to write into the adapter's table. Anyone may call the contract; it holds nothing and \
                belongs to nobody, so one on each chain serves everybody.

                  farebox contract deploy --config routes.toml --adapter base --dry-run
                """)

        @OptionGroup
        var file: RouteFileOptions

        @Option(help: ArgumentHelp("The adapter's id; may be left out where only one has nodes.", valueName: "id"))
        var adapter: String?

        @Option(help: ArgumentHelp("How long to wait for the block.", valueName: "seconds"))
        var timeout = 120

        @Flag(help: "Say what it would cost, and send nothing.")
        var dryRun = false

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let chosen = try choose(from: try file.loadOrFail())
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let client = try OutgoingClient(group: group)
            do {
                try await deploy(chosen, client)
            } catch {
                await client.shutdown()
                try? await group.shutdownGracefully()
                throw error
            }
            await client.shutdown()
            try await group.shutdownGracefully()
        }

        private func deploy(_ chosen: (id: String, settings: ChainSettings), _ client: OutgoingClient) async throws {
            let address: String
            let estimate: ContractDeployment.Estimate
            do {
                let deployment = try ContractDeployment(chosen.settings, adapter: chosen.id, client: client)
                estimate = try await deployment.estimate()
                address =
                    dryRun
                    ? "" : try await deployment.deploy(estimate, timeout: .seconds(max(1, timeout))).checksummed
            } catch let error as RailError {
                throw NodeFailure(error.message)
            }
            show(estimate, address: address, adapter: chosen.id)
        }

        private func show(_ estimate: ContractDeployment.Estimate, address: String, adapter: String) {
            if output.isJSON {
                var members = [
                    JSONMember("adapter", .string(adapter)), JSONMember("signer", .string(estimate.signer.checksummed)),
                    JSONMember("gas", .string(String(estimate.gas))),
                    JSONMember("maxCostWei", .string(estimate.cost.description)),
                ]
                if !dryRun { members.append(JSONMember("address", .string(address))) }
                OutputStream.standard.line(JSONValue.object(members).line)
            } else {
                OutputStream.standard.line(
                    "signer \(estimate.signer.checksummed), \(estimate.gas) gas, \(estimate.cost) wei at most")
                guard !dryRun else { return }
                OutputStream.standard.line("deployed; write into the adapter `\(adapter)`:")
                OutputStream.standard.line("batch_contract = \"\(address)\"")
            }
        }

        private func choose(from file: RouteFile) throws -> (id: String, settings: ChainSettings) {
            let chains = file.adapters.compactMap { adapter -> (id: String, settings: ChainSettings)? in
                guard case .chain(let settings) = adapter.backend else { return nil }
                return (adapter.scope.id, settings)
            }
            if let adapter {
                if let match = chains.first(where: { $0.id == adapter }) { return match }
                throw NodeFailure("the file has no adapter `\(adapter)` with nodes")
            }
            guard let only = chains.first, chains.count == 1 else {
                throw NodeFailure(
                    chains.isEmpty
                        ? "the file has no adapter with nodes (`rpc_url`)" : "choose an adapter with --adapter")
            }
            return only
        }
    }
}
