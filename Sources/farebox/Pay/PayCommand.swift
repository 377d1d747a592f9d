import ArgumentParser
import EVM
import Foundation
import NIOCore
import NIOPosix
import Primitives
import Proxy
import Transport
import X402

/// `farebox pay`: like curl, but it answers a 402.
struct PayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pay",
        abstract: "Ask for a URL and pay for it: like curl, but it answers 402.",
        discussion: """
            Asks without a payment first. On a 402 it takes the first offer that costs no more than --max, signs one \
            ERC-3009 authorization with the key in FAREBOX_PAYER_KEY, and asks again. It pays x402 version 2, version 1 \
            and the plain form, the newest that is offered. It never signs twice: while a settlement is pending it asks \
            again with the same payment. The answer's body goes to standard output, notes go to standard error.

              farebox pay --max '$0.01' https://api.example.com/v1/weather/berlin
              farebox pay --dry-run http://127.0.0.1:8402/v1/weather/berlin
              farebox pay -d '{"q":1}' -H 'content-type: application/json' http://127.0.0.1:8402/v1/search

            Exit codes: 0 answered; 1 the server answered with an error; 2 wrong usage; 3 nothing signed, the offers \
            break the rules; 4 the payment was not taken; 5 out of reach; 6 a payment was sent and its fate is unknown; \
            7 paid and not delivered.
            """)

    @OptionGroup(title: "Request")
    var request: PayRequestOptions

    @OptionGroup(title: "Payment")
    var payer: PayerOptions

    @Flag(name: .long, help: "Show what would be signed, and stop there.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Print the answer's head too.")
    var include = false

    @Flag(name: .shortAndLong, help: "No notes.")
    var silent = false

    @Flag(name: .long, help: "Print one JSON object: status, payment, receipt, headers and body.")
    var json = false

    func run() async throws {
        let prepared = try prepare()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let status: ExitStatus
        do {
            status = try await run(prepared, group: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
        if status != .success { throw status }
    }

    /// Everything that can be wrong with the command line, before anything is sent.
    private struct Prepared {
        var request: PayRequest
        var policy: PayerPolicy
        var form: PaymentForm?
        var resent: PaymentField?
    }

    private func prepare() throws -> Prepared {
        do {
            let message = try PayRequest(
                url: request.url, method: request.method, headerLines: request.headers, data: try data())
            var policy = PayerPolicy(limit: try SpendingLimit(payer.max))
            if let name = payer.network {
                guard let network = Network(name) else {
                    throw ValidationError("`\(name)` is not a CAIP-2 network such as eip155:8453")
                }
                policy.network = network
            }
            let form = try payer.form.map { word in
                guard let form = [PaymentForm.v2, .v1, .plain].first(where: { $0.word == word }) else {
                    throw ValidationError("a form is v2, v1 or plain")
                }
                return form
            }
            let resent = try payer.payment.map { text in
                guard let field = PaymentField(resending: text) else {
                    throw ValidationError("--payment is not a payment")
                }
                return field
            }
            return Prepared(request: message, policy: policy, form: form, resent: resent)
        } catch let mistake as PayRequest.Mistake {
            throw ValidationError(mistake.reason)
        } catch let mistake as SpendingLimit.Mistake {
            throw ValidationError("--max: " + mistake.reason)
        }
    }

    private func data() throws -> [UInt8]? {
        try request.data.map(BodyArgument.read)
    }

    private func run(_ prepared: Prepared, group: MultiThreadedEventLoopGroup) async throws -> ExitStatus {
        let notes = PayNotes(isSilent: silent)
        let client: OutgoingClient
        do throws(TransportError) {
            let tls = request.cacert.map { ClientTLSConfiguration.systemTrust(adding: $0) } ?? .systemTrust
            client = try OutgoingClient(group: group, tls: tls)
        } catch {
            notes.failed(error)
            return .usage
        }
        var session = PaySession(
            client: client, request: prepared.request, policy: prepared.policy, notes: notes,
            now: PaywallShared.systemTime)
        session.form = prepared.form
        session.timeout = .seconds(request.maxTime)
        session.patience = .seconds(payer.wait)
        session.retries = payer.retry
        session.grant = payer.grant
        let status = try await run(session, resending: prepared.resent)
        await client.shutdown()
        return status
    }

    private func run(_ session: PaySession, resending payment: PaymentField?) async throws -> ExitStatus {
        if let payment { return finish(await session.send(payment)) }
        let key = Result { () throws(PayerKey.Missing) in
            try PayerKey.read(payer.keyEnv, environment: ProcessInfo.processInfo.environment)
        }
        let address = try? key.get().address
        var generator = SystemRandomNumberGenerator()
        switch await session.ask(payer: address ?? .zero, nonce: .random(using: &generator)) {
        case .report(let report):
            return finish(report)
        case .pay(let order, _) where dryRun:
            let output = OutputStream.standard
            if json || !output.isTerminal {
                output.line(order.json(payer: address).line)
            } else {
                for line in order.lines(payer: address) { output.line(line) }
            }
            return .success
        case .pay(let order, let echo):
            let signer: PrivateKey
            do { signer = try key.get() } catch { throw ValidationError(error.reason) }
            session.notes.paying(order)
            let payment = order.signed(by: signer)
            return finish(
                await session.send(
                    PaymentField(payment, payload: echo.payload(of: payment, for: order.offer.requirements))))
        }
    }

    /// Prints what came.
    private func finish(_ report: PayReport) -> ExitStatus {
        let output = OutputStream.standard
        if json {
            output.line(report.json.line)
        } else if let response = report.response {
            if include {
                output.line("HTTP/1.1 \(response.status)")
                for field in response.headers { output.line("\(field.name): \(field.value)") }
                output.line()
            }
            output.write(response.body)
        }
        return report.status
    }
}
