package import EVM
package import Primitives

/// A call that a signer makes on the chain.
package struct ContractCall: Hashable, Sendable {
    package var to: Address
    package var data: [UInt8]
    package var gasLimit: UInt64
    /// After this the call can only fail, and its nonce is better spent on nothing.
    package var expires: UnixTime?

    package init(to: Address, data: [UInt8], gasLimit: UInt64, expires: UnixTime? = nil) {
        self.to = to
        self.data = data
        self.gasLimit = gasLimit
        self.expires = expires
    }

    /// A transfer of nothing to oneself, which uses up a nonce (21 000 gas, Yellow Paper appendix G).
    static func nothing(from signer: Address) -> ContractCall {
        ContractCall(to: signer, data: [], gasLimit: 21_000)
    }
}

/// How a call ended, as far as it is known.
package enum FlightEnd: Hashable, Sendable {
    /// In a block, as deep as was asked for; whether anything came of it is in its logs.
    case mined(TransactionReceipt)
    /// Sent, and not seen in a block in time; it is watched on.
    case pending(Bytes32)
    /// Its nonce was used by another transaction: it can no longer be mined.
    ///
    /// So it is at the block of that number: whoever says that the call has moved nothing must have seen this block.
    case displaced(at: UInt64)
    /// Certainly not sent.
    case notSent(RailError)
}

/// A transaction of ours on its way into a block, with all that was sent for its nonce.
struct Flight {
    let nonce: UInt64
    var call: ContractCall
    var fees: GasFees
    /// Every transaction that was sent under the nonce; any of them may be mined.
    var attempts: [Bytes32] = []
    /// When the newest was sent last, on the monotonic clock.
    var sentAt: Duration
    /// It is being sent for the first time: until it is known whether it left, nobody else looks after it.
    var isOpening = true
    /// The nonce only has to be used up: what it was for is over.
    var isVoid = false
    /// What stands here has not been sent yet, and is to be.
    var isDue = false
    /// Looks in a row that found the nonce used and no receipt.
    var missing = 0
    var receipt: TransactionReceipt?
    var waiter: Waiter?
    /// Tells the ledger each hash before it is sent; false keeps it from being sent.
    var note: @Sendable (Bytes32) async -> Bool

    struct Waiter {
        var depth: UInt64
        var deadline: Duration
        var continuation: CheckedContinuation<FlightEnd, Never>
    }

    /// A nonce that is to be used up on nothing.
    static func void(_ nonce: UInt64, of signer: Address, fees: GasFees, sentAt: Duration) -> Flight {
        var flight = Flight(nonce: nonce, call: .nothing(from: signer), fees: fees, sentAt: sentAt, note: { _ in true })
        flight.isVoid = true
        flight.isOpening = false
        return flight
    }

    /// The newest transaction.
    var hash: Bytes32? { attempts.last }
}
