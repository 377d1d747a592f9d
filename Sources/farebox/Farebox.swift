import ArgumentParser
import Foundation

/// The command: one binary that sells, settles, checks and pays.
@main
struct Farebox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "farebox",
        abstract: "A price on any HTTP API: a paywall in front of it, paid per request with x402.",
        discussion: """
            An unpaid request gets a 402 with a price; a paid one is verified, claimed, settled and forwarded. Start with

              farebox demo

            which runs an upstream, a paywall and a payer in one process and shows what passes between them. docs/cli.md \
            describes every command and its exit codes.
            """,
        version: FareboxVersion.text,
        subcommands: [
            DemoCommand.self, ServeCommand.self, FacilitatorCommand.self, CheckCommand.self, PriceCommand.self,
            RoutesCommand.self, PayCommand.self, LedgerCommand.self, ContractCommand.self,
        ])

    static func main() async {
        // A reader that went away is an error of one write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            // The library has its own code for wrong usage; ours is the shell's.
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            OutputStream.notes.line(fullMessage(for: error))
            Foundation.exit(ExitStatus.usage.rawValue)
        }
        Foundation.exit(await run(command).rawValue)
    }

    private static func run(_ command: any ParsableCommand) async -> ExitStatus {
        var command = command
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .success
        } catch let status as ExitStatus {
            return status
        } catch let mistake as ValidationError {
            OutputStream.notes.line("farebox: \(mistake.message)")
            return .usage
        } catch {
            guard exitCode(for: error) == .success else {
                OutputStream.notes.line("farebox: \(error)")
                return .failure
            }
            // Without a subcommand the answer is the help.
            OutputStream.standard.line(fullMessage(for: error))
            return .success
        }
    }
}

/// The version of this build.
enum FareboxVersion {
    static let text = "0.1.0"
}
