import ArgumentParser
import EVM
import NIOCore
import NIOPosix
import Primitives
import Transport

/// `farebox demo`: everything in one process.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run an upstream, a paywall and a payer in one process, and show what passes between them.",
        discussion: """
            Needs no file, no key and no network: the payment's rail is a mock that checks signatures and replay for \
            real and moves no value. Exits with 0 when the payment was taken, delivered and recorded.

              farebox demo
              farebox demo --serve

            With --serve it goes on running, and prints what to type in another terminal.
            """)

    @Flag(name: .long, help: "Go on running until Ctrl-C, to be tried with curl and `farebox pay`.")
    var serve = false

    @Option(help: ArgumentHelp("Where the paywall listens; port 0 takes any free one.", valueName: "address"))
    var listen = "127.0.0.1:0"

    func run() async throws {
        guard ListenAddress(listen) != nil else {
            throw ValidationError("`\(listen)` is not host:port")
        }
        let signals = serve ? await ProcessSignals.trap() : nil
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let log = LogOutput(isSilent: true)
        let status: ExitStatus
        do {
            status = try await run(group: group, log: log, signals: signals)
        } catch {
            OutputStream.notes.line("farebox demo: \(error)")
            status = .failure
        }
        await log.close()
        try? await group.shutdownGracefully()
        if status != .success { throw status }
    }

    private func run(
        group: MultiThreadedEventLoopGroup, log: LogOutput, signals: ProcessSignals?
    ) async throws -> ExitStatus {
        let upstream = try await DemoUpstream.start(group: group)
        let plan = try DemoPlan.make(listen: listen, upstreamPort: upstream.port)
        let status = try await Node.run(plan, group: group, log: log) { node in
            let story = DemoStory(node: node, upstream: upstream, group: group, payer: DemoPayer())
            let status = await story.tell()
            if status == .success, let signals {
                story.tellWhatToType()
                await signals.untilStopped()
            }
            return status
        }
        await upstream.stop()
        return status
    }
}

/// A payer whose key is made for one run.
struct DemoPayer: Sendable {
    let key: PrivateKey
    /// The key as `FAREBOX_PAYER_KEY` takes it; it never owned anything.
    let keyText: String

    init() {
        var generator = SystemRandomNumberGenerator()
        while true {
            let text = Bytes32.random(using: &generator).description
            if let key = PrivateKey(hex: text) {
                self.key = key
                keyText = text
                return
            }
        }
    }
}
