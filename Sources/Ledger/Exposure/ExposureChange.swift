import Primitives
import X402

/// What a transition changes beyond its own payment.
package struct ExposureChange: Hashable, Sendable {
    /// What is added to the counts of a payer.
    package struct History: Hashable, Sendable {
        package var key: PayerKey
        package var settled: Int
        package var failed: Int
    }

    /// The debt that begins with it.
    package internal(set) var incurred: Debt?
    /// The debt that ends with it.
    package internal(set) var repaid: Debt?
    package internal(set) var history: History?

    var removed: Exposure?
    var added: Exposure?

    var isEmpty: Bool {
        incurred == nil && repaid == nil && history == nil && removed == nil && added == nil
    }
}

/// What an open payment adds to the sums.
struct Exposure: Hashable, Sendable {
    struct Route: Hashable, Sendable {
        var name: String
        var network: Network
        var asset: Account
    }

    var key: PayerKey
    /// The route that it was served on; nil while it is not served, and for a seller's.
    var servedOn: Route?
    var amount: UInt256

    /// Nil for a payment that is not open.
    init?(_ entry: borrowing PaymentEntry) {
        guard !entry.record.state.value.isTerminal else { return nil }
        key = PayerKey(entry.record.claim)
        amount = entry.record.due
        guard case .paywall(let binding) = entry.record.claim.owner else { return }
        switch entry.record.state.service {
        case .forwarding, .delivered:
            servedOn = Route(name: binding.route, network: key.network, asset: key.asset)
        case .unused, .undelivered: break
        }
    }
}
