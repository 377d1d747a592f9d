import EVM
import Primitives

/// What happens to transactions between sending and their block.
extension SignerDesk {
    /// Flights that one look asks about; the others wait for the next.
    private static let flightsPerLook = 64
    /// Nonces that a reorganisation can give back at once: a node that says more than that is far behind.
    private static let longestGap: UInt64 = 64
    /// Looks in a row that must agree before what is missing counts as missing: nodes behind one URL differ.
    private static let looksForDoubt = 3
    /// The first looks come sooner than `timing.poll`, for chains with short blocks.
    private static let firstPauses: [Duration] = [.milliseconds(50), .milliseconds(150), .milliseconds(400)]

    /// Starts to look after flights, unless that is under way.
    func watch() {
        guard !isWatching else { return }
        isWatching = true
        Task { await self.watchAll() }
    }

    private func watchAll() async {
        var looks = 0
        while !flights.isEmpty {
            await look()
            endOverdue()
            if flights.isEmpty { break }
            let pause = looks < Self.firstPauses.count ? min(Self.firstPauses[looks], timing.poll) : timing.poll
            looks += 1
            if (try? await clock.sleep(pause)) == nil { break }
        }
        isWatching = false
    }

    /// Asks once what became of all flights, and repairs what is stuck.
    private func look() async {
        let asked = flights.values.filter { !$0.isOpening }.sorted { $0.nonce < $1.nonce }.prefix(Self.flightsPerLook)
        let receipts = ChainQuery.all(
            asked.flatMap { flight in flight.attempts.map { ChainQuery.receipt(of: $0) } })
        guard
            let (head, used, found) = try? await chain.ask(
                ChainQuery.head(.latest), ChainQuery.nonce(of: address, at: .latest), receipts), let head
        else { return }
        var rest = found[...]
        for flight in asked {
            let own = rest.prefix(flight.attempts.count)
            rest = rest.dropFirst(flight.attempts.count)
            settle(flight.nonce, receipt: own.lazy.compactMap(\.self).first, head: head, used: used)
        }
        await endDisplaced(at: head.number)
        await repair(used: used)
    }

    /// Ends flights whose nonce another transaction has used, once a block proves it that lies as deep as was asked for: the
    /// nonce that was told with the receipts may come from a node that is ahead of the head.
    private func endDisplaced(at block: UInt64) async {
        let doubtful = flights.values.filter { $0.missing >= Self.looksForDoubt }
        for (depth, doubtful) in Dictionary(grouping: doubtful, by: { $0.waiter?.depth ?? 1 }) where depth <= block {
            let deep = block - depth + 1
            guard let used = try? await chain.nonce(of: address, at: .number(deep)) else { continue }
            for flight in doubtful where flight.nonce < used && flights[flight.nonce]?.receipt == nil {
                end(flight.nonce, .displaced(at: deep))
            }
        }
    }

    private func settle(_ nonce: UInt64, receipt: TransactionReceipt?, head: BlockHead, used: UInt64) {
        guard flights[nonce] != nil else { return }
        flights[nonce]?.receipt = receipt
        if let receipt {
            flights[nonce]?.missing = 0
            guard head.number >= receipt.blockNumber else { return }
            let depth = head.number - receipt.blockNumber + 1
            if depth >= flights[nonce]?.waiter?.depth ?? 1 { end(nonce, .mined(receipt)) }
        } else if nonce < used {
            flights[nonce]?.missing += 1
        } else {
            flights[nonce]?.missing = 0
        }
    }

    private func end(_ nonce: UInt64, _ end: FlightEnd) {
        guard let flight = flights.removeValue(forKey: nonce) else { return }
        var told = end
        if case .mined(let receipt) = end {
            onMined(receipt)
            if flight.isVoid { told = .displaced(at: receipt.blockNumber) }
        }
        flight.waiter?.continuation.resume(returning: told)
    }

    /// Lets those go whose time is over; their flights are watched on.
    private func endOverdue() {
        let now = clock.now()
        for (nonce, flight) in flights {
            guard let waiter = flight.waiter, waiter.deadline <= now, let hash = flight.hash else { continue }
            flights[nonce]?.waiter = nil
            waiter.continuation.resume(returning: .pending(hash))
        }
    }

    // MARK: Repair

    private func repair(used: UInt64) async {
        closeGap(from: used)
        for nonce in flights.keys.sorted() {
            guard let flight = flights[nonce], !flight.isOpening, flight.receipt == nil, nonce >= used else { continue }
            if let expires = flight.call.expires, now() >= expires { void(nonce) }
            let isDue = flights[nonce]?.isDue == true
            let isNext = nonce == used
            guard isDue || isNext && clock.now() - flight.sentAt >= timing.bumpAfter else { continue }
            await raise(nonce)
        }
    }

    /// Takes care of nonces below all that is under way: a reorganisation that lost transactions of ours has given them back,
    /// and nothing behind them is mined before they are used.
    private func closeGap(from used: UInt64) {
        guard let lowest = flights.keys.min(), used < lowest, lowest - used <= Self.longestGap,
            let first = flights[lowest], clock.now() - first.sentAt >= timing.bumpAfter
        else { return }
        inherit(used..<lowest)
    }

    /// Sends what is under a nonce once more, with higher fees where the limit leaves room.
    private func raise(_ nonce: UInt64) async {
        guard let flight = flights[nonce] else { return }
        let market = try? await chain.fees()
        if let raised = policy.raised(flight.fees, market: market) { flights[nonce]?.fees = raised }
        // What the answer is, the next look tells: the nonce is used, or it is raised again.
        _ = await transmit(nonce)
    }
}
