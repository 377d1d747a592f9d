import Ledger
import Proxy
import X402

/// What `[payments]` says and a route may say anew; a key that is left out on a route is inherited.
struct PaymentTerms {
    var payTo: PayTo?
    var accepts: [Located<AcceptedAsset>]?
    var acceptsPlace: Place
    var timing: Located<SettlementTiming>?
    var maxTimeoutSeconds: Located<Int>?
    /// Whether the file says it, here or in `[payments]`.
    var isTimeoutGiven: Bool
    var chargeOn: ChargePolicy
    var redeliveries: Located<Int>?
    var forward: Located<ForwardPayment>?
    var identifiers: Located<IdentifierUse>?
    /// How long ids are remembered, and the longest answer that is kept; of the whole file.
    var identifierSeconds: Int64
    var maxKeptAnswer: Int
    var mode: Located<RouteMode>?

    init(_ section: Section, assets: AssetBook, inheriting parent: PaymentTerms?) {
        payTo = section.has("pay_to") ? PayTo(section) : parent?.payTo
        let ownAccepts = section.has("accepts") || parent == nil
        accepts = ownAccepts ? section.list("accepts", assets.accepted) : parent?.accepts
        acceptsPlace = ownAccepts ? section.place(of: "accepts") : parent?.acceptsPlace ?? section.place
        func inherited<Value>(
            _ key: String, _ kept: Located<Value>?, _ kind: (DocumentNode) -> Reading<Value>
        ) -> Located<Value>? {
            section.has(key) || parent == nil ? section.read(key, kind) : kept
        }
        timing = inherited("settle", parent?.timing, ValueKind.timing)
        maxTimeoutSeconds = inherited("max_timeout_seconds", parent?.maxTimeoutSeconds, ValueKind.integer(10...86_400))
        isTimeoutGiven = section.has("max_timeout_seconds") || parent?.isTimeoutGiven == true
        redeliveries = inherited("redeliveries", parent?.redeliveries, ValueKind.integer(0...100))
        forward = inherited(
            "forward_payment", parent?.forward, ValueKind.word(ForwardPayment.allCases.map { ($0.rawValue, $0) }))
        identifiers = inherited(
            "payment_identifier", parent?.identifiers,
            ValueKind.word(IdentifierUse.allCases.map { ($0.rawValue, $0) }))
        identifierSeconds =
            parent?.identifierSeconds
            ?? max(section.read("identifiers_for", ValueKind.duration)?.value.components.seconds ?? 0, 1)
        maxKeptAnswer = parent?.maxKeptAnswer ?? section.read("max_kept_answer", ValueKind.size)?.value ?? 0
        mode = inherited("mode", parent?.mode, ValueKind.word(RouteMode.allCases.map { ($0.rawValue, $0) }))
        chargeOn = parent?.chargeOn ?? .standard
        if section.has("charge_min_bytes") {
            chargeOn.leastBytes = section.read("charge_min_bytes", ValueKind.chargedSize)?.value ?? 0
        }
        if section.has("charge_within") {
            chargeOn.within = section.read("charge_within", ValueKind.duration)?.value
        }
        if section.has("charge_on"), let items = section.list("charge_on", ValueKind.status)?.map(\.value) {
            chargeOn.statuses = StatusSet(items)
            if case .array(let elements)? = section.node("charge_on")?.value, elements.isEmpty {
                section.log.add(section.place(of: "charge_on"), "is empty: nothing would ever be paid for")
            }
        }
    }
}

/// `payment_identifier`: whether clients may name, or must name, what they pay for.
enum IdentifierUse: String, CaseIterable {
    case off, optional, required
}

extension StatusSet {
    fileprivate init(_ items: [StatusItem]) {
        var classes: [Int] = []
        var codes: Set<Int> = []
        for item in items {
            switch item {
            case .class(let digit): classes.append(digit)
            case .code(let status): codes.insert(status)
            }
        }
        self.init(classes: classes, codes: codes)
    }
}

/// Who is paid: one account for everything, or one for each network.
struct PayTo {
    private var everywhere: Located<Account>?
    private var byNetwork: [(pattern: NetworkPattern, account: Located<Account>)] = []
    let place: Place
    /// Whether it was read without a mistake.
    private(set) var isReadable = true

    /// Reads `pay_to = "0x…"`, or `pay_to = { "eip155:*" = "0x…", "offchain:bank" = "account-1" }`.
    init(_ section: Section) {
        place = section.place(of: "pay_to")
        guard let node = section.node("pay_to") else { return }
        guard case .table(let members) = node.value else {
            everywhere = section.read("pay_to", ValueKind.account)
            isReadable = everywhere != nil
            return
        }
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            guard let pattern = NetworkPattern(name) else {
                section.log.add(
                    member.place,
                    "is not a CAIP-2 network such as \"eip155:8453\", or all of a namespace, \"eip155:*\"",
                    suggestion: Network.named(v1: name)?.name)
                isReadable = false
                continue
            }
            if let account = ValueKind.account(member).value(at: member.place, section.log) {
                byNetwork.append((pattern, Located(value: account, place: member.place)))
            } else {
                isReadable = false
            }
        }
    }

    /// Everybody that is named.
    var accounts: [Account] { (everywhere.map { [$0.value] } ?? []) + byNetwork.map(\.account.value) }

    /// Who is paid on a network; an exact network beats a pattern.
    func account(on network: Network) -> Located<Account>? {
        let matching = byNetwork.filter { $0.pattern.matches(network) }
        return (matching.first { $0.pattern.isExact } ?? matching.first)?.account ?? everywhere
    }
}
