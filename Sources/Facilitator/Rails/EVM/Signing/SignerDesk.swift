package import EVM
package import Primitives

/// The one writer of a signing key: gives out nonces, sends, watches and repairs.
///
/// Nonces come from the chain at the start and after doubt. A gap is filled with a transfer of nothing, a transaction that
/// is not mined is sent again with higher fees, and one that can only fail is replaced by nothing. What a flight meant is
/// decided by whoever asked for it, from the receipt.
package actor SignerDesk {
    package nonisolated let address: Address
    private let key: PrivateKey
    let chain: Chain
    let chainID: UInt64
    let policy: FeePolicy
    let timing: ChainTiming
    let clock: RailClock
    let now: @Sendable () -> UnixTime
    /// Hears of every transaction of ours that is mined, so that its gas is booked.
    let onMined: @Sendable (TransactionReceipt) -> Void

    var flights: [UInt64: Flight] = [:]
    /// The next nonce to give out; nil while the chain has to be asked.
    private var next: UInt64?
    private var noFundsUntil: Duration = .zero
    var isWatching = false

    /// How long a signer without funds is passed over.
    static let noFundsPause: Duration = .seconds(30)
    /// Attempts to find a nonce that the node takes.
    private static let maxTries = 4

    package init(
        key: PrivateKey, chain: Chain, settings: ChainSettings, clock: RailClock,
        now: @escaping @Sendable () -> UnixTime,
        onMined: @escaping @Sendable (TransactionReceipt) -> Void
    ) {
        self.key = key
        address = key.address
        self.chain = chain
        chainID = settings.chainID
        policy = settings.fees
        timing = settings.timing
        self.clock = clock
        self.now = now
        self.onMined = onMined
    }

    /// Calls under way, nil when the signer cannot send now.
    package var load: Int? {
        clock.now() < noFundsUntil ? nil : flights.count
    }

    /// Whether the signer has run out of funds.
    package var isBroke: Bool { clock.now() < noFundsUntil }

    /// Sends a call and waits until it lies deep enough, or until the time is over.
    package func perform(
        _ call: ContractCall, fees: GasFees, depth: UInt64, timeout: Duration,
        note: @escaping @Sendable (Bytes32) async -> Bool
    ) async -> FlightEnd {
        let deadline = clock.now() + timeout
        switch await submit(call, fees: fees, note: note) {
        case .failure(let error): return .notSent(error)
        case .success(let nonce):
            return await withCheckedContinuation { continuation in
                // No block is that high: what became of it is not known.
                guard flights[nonce] != nil else { return continuation.resume(returning: .displaced(at: .max)) }
                flights[nonce]?.waiter = Flight.Waiter(depth: depth, deadline: deadline, continuation: continuation)
                flights[nonce]?.isOpening = false
                watch()
            }
        }
    }

    /// The newest transaction under a nonce that is still watched, nil when it has come to its end.
    package func pending(nonceOf hash: Bytes32) -> Bytes32? {
        flights.values.first { $0.attempts.contains(hash) && !$0.isVoid }?.hash
    }

    // MARK: Sending

    private func submit(
        _ call: ContractCall, fees: GasFees, note: @escaping @Sendable (Bytes32) async -> Bool
    ) async -> Result<UInt64, RailError> {
        for _ in 0..<Self.maxTries {
            guard await resume(), let nonce = next else {
                return .failure(
                    RailError(.unavailable, adapter: "", "the chain cannot be asked for the signer's nonce"))
            }
            next = nonce + 1
            flights[nonce] = Flight(nonce: nonce, call: call, fees: fees, sentAt: clock.now(), note: note)
            switch await transmit(nonce) {
            case .sent: return .success(nonce)
            case .nonceTaken:
                // Another transaction of this key has it: what the chain says counts again.
                flights[nonce] = nil
                next = nil
            case .notSent(let error):
                abandon(nonce)
                return .failure(error)
            }
        }
        return .failure(RailError(.unavailable, adapter: "", "the signer's nonces are used elsewhere"))
    }

    enum Transmission {
        case sent
        case nonceTaken
        case notSent(RailError)
    }

    /// Signs and sends what is due under a nonce.
    func transmit(_ nonce: UInt64) async -> Transmission {
        guard let flight = flights[nonce] else { return .sent }
        let transaction = FeeMarketTransaction(
            chainID: chainID, nonce: nonce, maxPriorityFee: flight.fees.tip, maxFee: flight.fees.maxFee,
            gasLimit: flight.call.gasLimit, to: flight.call.to, data: flight.call.data
        ).signed(by: key)
        if !flight.attempts.contains(transaction.hash) {
            guard await flight.note(transaction.hash) else {
                return .notSent(
                    RailError(.unavailable, adapter: "", "the ledger could not take the transaction's name"))
            }
            flights[nonce]?.attempts.append(transaction.hash)
        }
        flights[nonce]?.isDue = false
        flights[nonce]?.sentAt = clock.now()
        do {
            return judge(try await chain.send(transaction.raw))
        } catch {
            return error.mayHaveActed ? .sent : .notSent(RailError(error))
        }
    }

    private func judge(_ outcome: SendOutcome) -> Transmission {
        switch outcome {
        case .accepted, .alreadyKnown: return .sent
        // The node keeps none behind a gap; it is sent again when the gap is closed.
        case .nonceTooHigh: return .sent
        case .nonceTooLow, .replacementUnderpriced: return .nonceTaken
        case .feeTooLow:
            return .notSent(RailError(.unavailable, adapter: "", "the chain asks for higher fees than were offered"))
        case .insufficientFunds:
            noFundsUntil = clock.now() + Self.noFundsPause
            return .notSent(RailError(.unavailable, adapter: "", "the signer has no funds for gas"))
        case .refused:
            return .notSent(RailError(.misconfigured, adapter: "", "the node refuses the transaction"))
        }
    }

    // MARK: Nonces

    /// Learns the next nonce; false when the chain cannot be asked.
    private func resume() async -> Bool {
        if next != nil { return true }
        let counts: (latest: UInt64, pending: UInt64)
        do {
            let (latest, pending) = try await chain.ask(
                ChainQuery.nonce(of: address, at: .latest), ChainQuery.nonce(of: address, at: .pending))
            counts = (latest, pending)
        } catch {
            return false
        }
        // Another call may have learnt it meanwhile, and given some out.
        if next != nil { return true }
        let first = max(counts.latest, counts.pending)
        inherit(counts.latest..<first)
        next = max(first, (flights.keys.max() ?? 0) + (flights.isEmpty ? 0 : 1))
        return true
    }

    /// Watches nonces that others may have left in the pool, so that they do not hold up ours for ever: an earlier process, or
    /// a reorganisation.
    func inherit(_ nonces: Range<UInt64>) {
        for nonce in nonces where flights[nonce] == nil {
            flights[nonce] = .void(nonce, of: address, fees: leastFees, sentAt: clock.now())
        }
        if !nonces.isEmpty { watch() }
    }

    /// Takes back a nonce that was not sent; below others it is used up on nothing.
    private func abandon(_ nonce: UInt64) {
        if next == nonce + 1 {
            flights[nonce] = nil
            next = nonce
        } else {
            void(nonce)
            watch()
        }
    }

    /// Where raising starts for a nonce that only has to be used up.
    var leastFees: GasFees { GasFees(maxFee: policy.minTip, tip: policy.minTip) }

    /// Turns a flight into a transfer of nothing, to be sent by the next look.
    func void(_ nonce: UInt64) {
        guard var flight = flights[nonce], !flight.isVoid else { return }
        flight.isOpening = false
        flight.isVoid = true
        flight.isDue = true
        flight.call = .nothing(from: address)
        flight.note = { _ in true }
        flights[nonce] = flight
    }
}

extension RailError {
    /// A chain that cannot be asked, as the rail tells it; the rail puts its name in.
    init(_ error: ChainError, adapter: String = "") {
        let code: Code =
            switch error.code {
            case .unavailable, .rateLimited: .unavailable
            case .timeout: .timeout
            case .malformedAnswer: .malformedAnswer
            case .breakerOpen: .breakerOpen
            case .wrongChain, .misconfigured: .misconfigured
            }
        self.init(code, adapter: adapter, error.message)
    }
}
