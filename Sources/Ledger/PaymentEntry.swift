package import Primitives

/// A payment as a store keeps it: the record, and what a presenter is measured against.
///
/// All judgement on payments is made on this value, so that every store judges alike.
package struct PaymentEntry: Hashable, Sendable {
    package var record: PaymentRecord
    /// SHA-256 of the token that went out with the last undelivered answer.
    package var grant: Bytes32?
    /// Keyed hash of the address that presented the payment last.
    package var client: Bytes32?
    /// Since when the paid service waits for its presenter; the address is proof enough for a while from then.
    package var waitingSince: UnixTime?

    package init(record: PaymentRecord, grant: Bytes32?, client: Bytes32?, waitingSince: UnixTime?) {
        self.record = record
        self.grant = grant
        self.client = client
        self.waitingSince = waitingSince
    }

    /// The entry of a granted claim, in the state that its opening asks for.
    package init(granting request: ReserveRequest, row: Int64) {
        let opening = request.opening
        record = PaymentRecord(
            reference: PaymentReference(identity: request.claim.identity, row: row), claim: request.claim,
            state: opening.state, createdAt: request.now, updatedAt: request.now, transaction: opening.transaction,
            leaseUntil: opening.leaseUntil)
        client = request.proof.client
        if record.state.value == .settled {
            record.claim.settlement = nil
            waitingSince = request.now
        }
    }
}

extension ClaimOpening {
    /// The state that a granted claim starts in.
    package var state: PaymentState {
        switch self {
        case .reserved: PaymentState(value: .reserved, service: .unused)
        case .settling: PaymentState(value: .settling, service: .unused)
        case .settled(_, let forwardingUntil):
            PaymentState(value: .settled, service: forwardingUntil == nil ? .unused : .forwarding)
        case .forwarding: PaymentState(value: .reserved, service: .forwarding)
        }
    }

    fileprivate var transaction: String? {
        guard case .settled(let transaction, _) = self else { return nil }
        return transaction
    }

    fileprivate var leaseUntil: UnixTime? {
        switch self {
        case .reserved, .settling: nil
        case .settled(_, let forwardingUntil): forwardingUntil
        case .forwarding(let until): until
        }
    }
}
