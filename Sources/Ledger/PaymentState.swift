/// Where the money of a payment is.
///
/// `reserved → settling → settled`; `settling → uncertain → settled | released`; `reserved → released | expired`;
/// `settled → uncertain` (a reorganised chain); `reserved → owed → settled | written_off` (served, not yet paid).
package enum ValueState: UInt8, Hashable, Sendable, CaseIterable {
    case reserved = 1
    case settling = 2
    case uncertain = 3
    case settled = 4
    case released = 5
    case expired = 6
    case owed = 7
    case writtenOff = 8

    /// The word that people and JSON read.
    package var word: String {
        switch self {
        case .reserved: "reserved"
        case .settling: "settling"
        case .uncertain: "uncertain"
        case .settled: "settled"
        case .released: "released"
        case .expired: "expired"
        case .owed: "owed"
        case .writtenOff: "written_off"
        }
    }

    /// Whether nothing can happen to the value any more, but for a reorganised chain.
    package var isTerminal: Bool {
        switch self {
        case .settled, .released, .expired, .writtenOff: true
        case .reserved, .settling, .uncertain, .owed: false
        }
    }
}

/// Whether what was paid for has been delivered.
///
/// `unused → forwarding → delivered | undelivered`; `undelivered → forwarding` again, at most `redeliveries` times.
package enum ServiceState: UInt8, Hashable, Sendable, CaseIterable {
    case unused = 1
    case forwarding = 2
    case delivered = 3
    case undelivered = 4

    /// The word that people and JSON read.
    package var word: String {
        switch self {
        case .unused: "unused"
        case .forwarding: "forwarding"
        case .delivered: "delivered"
        case .undelivered: "undelivered"
        }
    }
}

/// Both states of one payment.
package struct PaymentState: Hashable, Sendable {
    package var value: ValueState
    package var service: ServiceState

    package init(value: ValueState, service: ServiceState) {
        self.value = value
        self.service = service
    }
}

/// When the value of a payment moves, relative to the upstream's answer.
package enum SettlementTiming: UInt8, Hashable, Sendable, CaseIterable {
    case before = 1
    case after = 2
    case batch = 3

    /// The word in the route file.
    package var word: String {
        switch self {
        case .before: "before"
        case .after: "after"
        case .batch: "batch"
        }
    }
}
