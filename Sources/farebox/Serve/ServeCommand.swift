import ArgumentParser

/// `farebox serve`: the paywall, and the facilitator's API where the file has it.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the paywall of a route file.",
        discussion: """
            Forwards what is free or paid, and answers 402 to the rest. With a [facilitator] table it serves the \
            facilitator's API too, on the same ledger. Logs are JSON lines on standard error; a `listening` line per \
            address tells that connections are accepted.

              farebox serve --config routes.toml

            SIGHUP reads the file again: a good one takes effect at once, a bad one is told and changes nothing. SIGTERM \
            and SIGINT stop accepting, let requests end within `server.drain_timeout`, write what is to be written, and \
            exit with 0; a second one waits for nothing. SIGUSR2 replaces the program by the one at the same path, which \
            goes on with the same sockets. Exit code 1: the file, the ledger or an address cannot be had.
            """)

    @OptionGroup
    var options: ServingOptions

    func run() async throws {
        try await ServingProcess(options: options, servesPaywall: true).run()
    }
}

/// `farebox facilitator`: verify and settle for sellers elsewhere.
struct FacilitatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "facilitator",
        abstract: "Run the facilitator's API of a route file, without the paywall.",
        discussion: """
            Serves POST /verify, POST /settle, GET /supported and GET /health at `facilitator.listen`, over the adapters \
            and the ledger of the file. Its routes are checked and not served.

              farebox facilitator --config routes.toml

            Signals and exit codes are those of `farebox serve`.
            """)

    @OptionGroup
    var options: ServingOptions

    func run() async throws {
        try await ServingProcess(options: options, servesPaywall: false).run()
    }
}
