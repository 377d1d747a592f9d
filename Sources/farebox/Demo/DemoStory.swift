import EVM
import Ledger
import NIOPosix
import Primitives
import Proxy
import Transport
import X402

/// What the demo shows: one payment from the first 402 to the ledger's row.
struct DemoStory: Sendable {
    let node: Node
    let upstream: DemoUpstream
    let group: MultiThreadedEventLoopGroup
    let payer: DemoPayer
    private let output = OutputStream.standard

    private var origin: String { "http://" + (node.paywallAddress?.text ?? "") }

    init(node: Node, upstream: DemoUpstream, group: MultiThreadedEventLoopGroup, payer: DemoPayer) {
        self.node = node
        self.upstream = upstream
        self.group = group
        self.payer = payer
    }

    /// Tells it; anything but success means that the demo does not do what it shows.
    func tell() async -> ExitStatus {
        do {
            let client = try OutgoingClient(group: group)
            let status = try await tell(with: client)
            await client.shutdown()
            return status
        } catch {
            OutputStream.notes.line("farebox demo: \(error)")
            return .failure
        }
    }

    func tellWhatToType() {
        let url = origin + DemoPlan.target
        output.line()
        output.line("The paywall goes on running; Ctrl-C ends it. In another terminal:")
        say("curl -i \(url)")
        output.line()
        output.line("To pay, with a key that was made for this run and never owned anything:")
        say("export \(PayerKey.standardVariable)=\(payer.keyText)")
        say("farebox pay --dry-run \(url)")
        say("farebox pay \(url)")
    }

    private func tell(with client: OutgoingClient) async throws -> ExitStatus {
        introduce()
        let request = try PayRequest(url: origin + DemoPlan.target, method: nil, headerLines: [], data: nil)
        let timeout = Duration.seconds(10)

        heading("An unpaid request")
        let unpaid = try await client.send(request.message(timeout: timeout))
        say("GET \(DemoPlan.target)")
        show(unpaid, fields: [WireHeader.paymentRequired, WireHeader.xPaymentRequired])
        let required = unpaid.value(of: WireHeader.paymentRequired)
        let challenge = try unpaid.body.withUnsafeBytes { body in
            try PaymentRequiredAnswer.parse(
                paymentRequiredHeader: required, body: body, xPaymentRequired: nil)
        }

        heading("The price, as the payer reads it")
        let policy = PayerPolicy(limit: try SpendingLimit("$0.01"))
        guard case .pay(let offer) = policy.choose(among: challenge, now: PaywallShared.systemTime()) else {
            return .refusedByPolicy
        }
        var generator = SystemRandomNumberGenerator()
        let order = PaymentOrder(
            offer, form: challenge.form, payer: payer.key.address, now: PaywallShared.systemTime(),
            nonce: .random(using: &generator))
        for line in order.lines(payer: payer.key.address) where !line.hasPrefix("digest") { say(line) }

        heading("The payment, signed and sent with the same request")
        let payment = order.signed(by: payer.key)
        let field = PaymentField(
            payment, payload: OfferEcho(paymentRequired: required).payload(of: payment, for: offer.requirements))
        say("\(field.name): \(Self.shortened(field.value))")
        let paid = try await client.send(request.message(timeout: timeout, payment: field))

        heading("The answer, with a receipt")
        show(paid, fields: [WireHeader.paymentResponse])
        guard case .delivered(let receipt?) = PaidAnswer(paid), receipt.success else { return .paymentNotAccepted }
        var pairs = TextPairs()
        pairs.add("success", "\(receipt.success)")
        pairs.add("transaction", receipt.transaction)
        pairs.add("network", receipt.network.name)
        pairs.add("payer", receipt.payer)
        output.line()
        for line in pairs.lines() { say(line) }

        heading("The same payment again")
        let again = try await client.send(request.message(timeout: timeout, payment: field))
        guard case .refused(let reason) = PaidAnswer(again) else { return .failure }
        say("\(again.status) \(reason); the upstream has served \(upstream.servedCount) request")

        heading("The ledger")
        return try await showLedger() ? .success : .failure
    }

    private func introduce() {
        output.line("One process: an API, a paywall in front of it, and a payer. The rail is a mock: it checks")
        output.line("signatures and replay for real, and moves no value.")
        output.line()
        say("upstream  http://127.0.0.1:\(upstream.port)  knows nothing of payments")
        say("paywall   \(origin)  \(DemoPlan.pattern) costs \(DemoPlan.price)")
    }

    private func showLedger() async throws(LedgerError) -> Bool {
        let records = try await node.ledger.payments(PaymentQuery())
        for record in records { for line in record.lines { say(line) } }
        return records.count == 1
            && records[0].state == PaymentState(value: .settled, service: .delivered)
    }

    private func show(_ response: OutgoingResponse, fields: [String]) {
        say("\(response.status) \(response.status == 402 ? "Payment Required" : "OK")")
        for name in fields {
            if let value = response.value(of: name) { say("\(name): \(Self.shortened(value))") }
        }
        let body = String(decoding: response.body, as: UTF8.self)
        say(Self.shortened(String(body.prefix { $0 != "\n" })))
    }

    private func heading(_ text: String) {
        output.line()
        output.line("# " + text)
        output.line()
    }

    private func say(_ text: String) { output.line("  " + text) }

    /// Enough of a long value to know it by.
    private static func shortened(_ value: String, limit: Int = 132) -> String {
        value.count <= limit ? value : "\(value.prefix(60))… (\(value.utf8.count) bytes)"
    }
}
