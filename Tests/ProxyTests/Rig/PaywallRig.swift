import EVM
import Facilitator
import Ledger
import Logging
import NIOCore
import NIOPosix
import Pricing
import Primitives
import Synchronization
import Testing
import Transport
import X402

@testable import Proxy

/// One route of a test's file.
struct TestRoute: Sendable {
    var match: String
    /// None for a free route.
    var offers: [PaymentRequirements] = [Offers.offer()]
    var timing = SettlementTiming.before
    var chargeOn = ChargePolicy.standard
    var redelivery = RedeliveryPolicy()
    var facts = PaywallRoute.Facts.none
    var limits = RouteLimits.none
    var advertisedHosts: Set<String> = []
    var upgrades = UpgradeSet.webSocket
    var maxBodyBytes: UInt64?
    var identifiers: IdentifierPolicy?
    var freeTier: FreeTier?
    var isShadow = false
    /// Prices by rules, instead of the offers.
    var table: TestTable?

    var isFree: Bool { offers.isEmpty && table == nil }

    func pricing(on terms: SheetTerms) throws -> RoutePricing {
        guard let table else { return offers.isEmpty ? .free : .fixed(OfferSheet(offers, on: terms)) }
        return .table(
            RouteTariff(
                table.prices,
                pattern: try RoutePattern.parse(match),
                sheets: table.offers.map { $0.isEmpty ? nil : OfferSheet($0, on: terms) },
                body: table.maxBodyBytes.map { maxBytes in
                    RouteTariff.BodyTerms(
                        maxBytes: maxBytes, dearest: table.dearest.map { OfferSheet($0, on: terms) })
                }, source: table.source, maker: table.teller == nil ? nil : TestTable.maker(on: terms),
                volume: table.volumeSeconds.map { TestTable.counter(table.prices, seconds: $0) }))
    }
    var meter: RouteMeter?
    /// What a payment opens beyond its request; a bundle is sold for these offers instead.
    var credit: CreditOffer?
    var bundle: [PaymentRequirements] = []

    func credit(on terms: SheetTerms) -> RouteCredit? {
        credit.map { RouteCredit($0, sale: bundle.isEmpty ? nil : OfferSheet(bundle, on: terms)) }
    }

    static func free(_ match: String) -> TestRoute { TestRoute(match: match, offers: []) }
}

/// The price table of a test's route; the first of its offers are asked where no rule applies.
struct TestTable: Sendable {
    var fields: [PriceField] = []
    var rules: [PriceRule] = []
    var offers: [[PaymentRequirements]]
    var maxBodyBytes: Int?
    var dearest: [PaymentRequirements]?
    /// Tells what no rule does.
    var teller: ScriptedTeller?
    /// The windows in which what payers pay is counted.
    var volumeSeconds: Int64?

    var prices: PriceTable {
        PriceTable(
            fields: fields, rules: rules, fallback: teller == nil ? .amount(0) : .source(fields: []), amounts: [])
    }

    static func counter(_ prices: PriceTable, seconds: Int64) -> VolumeCounter {
        let asset = PricedAsset(id: Offers.asset.id, decimals: 6, isDollarPegged: true)
        return VolumeCounter(
            prices, window: AllowanceWindow(seconds: seconds), terms: .none,
            assets: [Currency(network: Offers.network, asset: .address(Offers.asset.address)): asset])
    }

    var source: PriceSource? {
        teller.map {
            PriceSource(
                .service($0), fields: [], fallback: nil,
                book: QuoteBook(lifetime: 30, standing: Int64(Offers.maxTimeoutSeconds), maxOpen: 64))
        }
    }

    static func maker(on terms: SheetTerms) -> SheetMaker {
        let asset = PricedAsset(id: Offers.asset.id, decimals: 6, isDollarPegged: true)
        return SheetMaker([SheetMaker.Asset(asset: asset, offer: Offers.offer(0))], terms: .none, on: terms)
    }
}

/// Tells the prices that a test says, as often as it is asked.
final class ScriptedTeller: PriceTeller {
    let questions = Notebook<PriceServiceMessage.Question>()
    let gate: Gate
    private let price = Mutex<String?>(nil)

    init(_ price: String?, isOpen: Bool = true) {
        gate = Gate(isOpen: isOpen)
        say(price)
    }

    func say(_ text: String?) { price.withLock { $0 = text } }

    func ask(_ question: PriceServiceMessage.Question) async -> ToldPrice? {
        questions.note(question)
        await gate.pass()
        return price.withLock { $0 }.flatMap { try? Price.parse($0) }.map { ToldPrice(TablePrice($0)) }
    }
}

/// A paywall between a scripted upstream and raw clients, with everything outside it in the test's hand.
final class PaywallRig: Sendable {
    let paywall: Paywall
    let shared: PaywallShared
    let ledger: ScriptedLedger
    let upstream: ScriptedUpstream
    let clock: TestClock
    let port: Int
    private let rail: any Rail

    fileprivate init(
        paywall: Paywall, shared: PaywallShared, ledger: ScriptedLedger, upstream: ScriptedUpstream, clock: TestClock,
        rail: any Rail
    ) {
        self.paywall = paywall
        self.shared = shared
        self.ledger = ledger
        self.upstream = upstream
        self.clock = clock
        self.rail = rail
        port = paywall.localAddresses.first?.port ?? 0
    }

    static func generation(
        _ routes: [TestRoute], unmatchedFree: Bool = false, trust: ProxyTrust = ProxyTrust(),
        limits: RequestLimits = RequestLimits(), upstreamPort: Int, rail: any Rail,
        configure: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> PaywallGeneration {
        let registry = try AdapterRegistry([rail])
        let entries = try routes.map {
            RouteTable.Entry(
                try RoutePattern.parse($0.match), cost: $0.isFree ? .free : .priced(class: $0.offers.count))
        }
        let terms = SheetTerms(description: "a test", origin: "https://api.example.com", registry: registry)
        let built = try routes.map { route in
            PaywallRoute(
                name: route.match, upstream: 0, pricing: try route.pricing(on: terms),
                freeTier: route.freeTier, credit: route.credit(on: terms), timing: route.timing,
                chargeOn: route.chargeOn, redelivery: route.redelivery, facts: route.facts, upgrades: route.upgrades,
                maxBodyBytes: route.maxBodyBytes, meter: route.meter, limits: route.limits,
                advertisedHosts: route.advertisedHosts, identifiers: route.identifiers, isShadow: route.isShadow)
        }
        var upstream = UpstreamConfiguration(name: "api", address: .host("127.0.0.1", port: upstreamPort))
        // A machine that is busy with other tests is slow, and no failure of the upstream.
        upstream.connectTimeout = .seconds(60)
        upstream.queueTimeout = .seconds(60)
        configure(&upstream)
        let unmatched = PaywallRoute(name: "unmatched", upstream: 0)
        return PaywallGeneration(
            table: try RouteTable(entries, unmatched: unmatchedFree ? .free() : .deny), routes: built,
            upstreams: [UpstreamGroupConfiguration(upstream)], unmatched: unmatchedFree ? .free(unmatched) : .deny,
            trust: trust, limits: limits)
    }

    /// Puts other routes in force.
    func adopt(_ routes: [TestRoute]) async throws {
        await paywall.adopt(try Self.generation(routes, upstreamPort: upstream.port, rail: rail))
    }

    func client(receiveBuffer: CInt? = nil) async throws -> TestClient {
        try await TestClient(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends one request on a connection of its own and reads its answer.
    func ask(_ line: String, _ fields: String = "", body: String? = nil) async throws -> TestAnswer {
        let client = try await client()
        let method = line.split(separator: " ")[0]
        try await client.send(request(line, fields, body: body))
        let answer = try await client.answer(to: String(method))
        await client.close()
        return answer
    }

    /// The first offer that a request is asked for, as version 2 tells it.
    func offer(_ line: String, _ fields: String = "", body: String? = nil) async throws -> PaymentRequirements {
        let answer = try await ask(line, fields, body: body)
        let read = try answer.body.withUnsafeBytes { body in
            try PaymentRequiredAnswer.parse(
                paymentRequiredHeader: answer["payment-required"], body: body, xPaymentRequired: nil)
        }
        return try #require(read.offers.first, "no offer in \(answer.text)")
    }

    func record(of payment: Payment, for offer: PaymentRequirements = Offers.offer()) async throws -> PaymentRecord? {
        let identity = try #require(PaymentIdentity(of: payment, for: offer))
        return try await ledger.payment(identity)
    }

    /// `value/service` of a payment.
    func state(of payment: Payment, for offer: PaymentRequirements = Offers.offer()) async throws -> String {
        guard let record = try await record(of: payment, for: offer) else { return "none" }
        return "\(record.state.value.word)/\(record.state.service.word)"
    }
}

/// A request head, and a body of known length if there is one.
func request(_ line: String, _ fields: String = "", body: String? = nil) -> String {
    let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
    return "\(line) HTTP/1.1\r\nHost: api.example.com\r\n\(fields)\(length)\r\n\(body ?? "")"
}

/// What surrounds a paywall in a test.
struct RigSettings: Sendable {
    var unmatchedFree = false
    var trust = ProxyTrust()
    var requestLimits = RequestLimits()
    var limits = ServerLimits()
    var accessLog: LogSink?
    var readsBodies = true
    var deskLimit = 4096
    var ledger: any PaymentLedger = MemoryLedger()
    var configure: @Sendable (inout UpstreamConfiguration) -> Void = { _ in }
}

/// Runs a test against a paywall on one event loop, and ends all of it.
func withPaywall(
    _ routes: [TestRoute], rail: any Rail = mockRail(), settings: RigSettings = RigSettings(),
    upstream script: @escaping @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in
        .bytes(reply("fine"))
    },
    _ test: (PaywallRig) async throws -> Void
) async throws {
    let group = try LoopEngine.available[0].makeGroup(loops: 1)
    let upstream = try await ScriptedUpstream(readsBodies: settings.readsBodies, script)
    let ledger = ScriptedLedger(settings.ledger)
    let clock = TestClock()
    let desk = RailDesk(limit: settings.deskLimit)
    let shared = PaywallShared(
        ledger: ledger, desk: desk, accessLog: settings.accessLog, addressKey: .zero, shadowDelay: .zero,
        now: { clock.now })
    let generation = try PaywallRig.generation(
        routes, unmatchedFree: settings.unmatchedFree, trust: settings.trust, limits: settings.requestLimits,
        upstreamPort: upstream.port, rail: rail,
        configure: settings.configure)
    let paywall = try await Paywall.start(
        points: [ListenPoint(address: .host("127.0.0.1", port: 0))], group: group, limits: settings.limits,
        shared: shared,
        generation: generation)
    async let running: Void = desk.run()
    let result: Result<Void, any Error>
    do {
        try await test(
            PaywallRig(
                paywall: paywall, shared: shared, ledger: ledger, upstream: upstream, clock: clock, rail: rail))
        result = .success(())
    } catch {
        result = .failure(error)
    }
    ledger.openAllGates()
    if let rail = rail as? ScriptedRail {
        rail.verifyGate.open()
        rail.settleGate.open()
    }
    await paywall.drain(timeout: .seconds(0))
    desk.close()
    await running
    await upstream.stop()
    try await group.shutdownGracefully()
    try result.get()
}

/// The rail that checks signatures for real and settles in one step.
func mockRail() -> MockEVMRail {
    MockEVMRail(AdapterScope(id: "mock", networks: [Offers.pattern]), settings: MockEVMSettings())
}

extension PaywallRig {
    /// Returns when the loop has seen whatever happened on other connections before: its events come in order.
    func barrier(_ times: Int = 1) async throws {
        for _ in 0..<times { _ = try await ask("GET /nowhere-in-particular") }
    }

    /// The worker over this rig's ledger and clock.
    func worker(_ rail: any Rail) -> SettlementWorker {
        let clock = clock
        return SettlementWorker(
            ledger: ledger, rail: { $0 == rail.id ? rail : nil }, now: { clock.now }, logger: Logger(label: "test"),
            backlog: shared.backlog)
    }
}
