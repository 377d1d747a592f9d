package import Primitives

/// What an answer costs after all, in atomic units of the asset that was authorised.
package struct Charge: Hashable, Sendable {
    /// Why it costs that.
    package enum Reason: String, Hashable, Sendable {
        /// Everything was counted.
        case metered
        /// Something could not be counted, and is charged as it was estimated.
        case estimate
        /// Nothing was sent.
        case nothing
        /// More was used than was authorised.
        case capped
        /// The upstream named the amount.
        case announced
    }

    /// Never above what was authorised.
    package let amount: UInt256
    package let reason: Reason
    /// The counts that were charged, by quantity; empty where none were.
    package let counts: [UInt64]

    init(amount: UInt256, reason: Reason, counts: [UInt64] = []) {
        self.amount = amount
        self.reason = reason
        self.counts = counts
    }
}

/// What is known of an answer once it is over.
package struct AnswerUsage: Hashable, Sendable {
    /// Whether anything of an answer that delivers went out.
    package var isDelivered: Bool
    /// What was found of each quantity of the meter.
    package var findings: [UsageFinding]
    /// What is assumed of each where nothing usable was found; nil for all that was authorised.
    package var estimate: [UInt64?]
    /// What the upstream wants to be charged instead.
    package var announced: UInt256?

    package init(isDelivered: Bool, findings: [UsageFinding], estimate: [UInt64?], announced: UInt256? = nil) {
        self.isDelivered = isDelivered
        self.findings = findings
        self.estimate = estimate
        self.announced = announced
    }
}

extension UsageMeter {
    /// What an answer costs.
    ///
    /// - Parameters:
    ///   - usage: A finding and an estimate for each quantity.
    ///   - tariff: Of the asset that is paid in.
    ///   - authorised: What the payer has agreed to at most, in atomic units.
    package func charge(for usage: AnswerUsage, at tariff: UsageTariff, authorised: UInt256) -> Charge {
        guard usage.isDelivered else { return Charge(amount: .zero, reason: .nothing) }
        if let announced = usage.announced {
            let isCapped = announced > authorised
            return Charge(amount: min(announced, authorised), reason: isCapped ? .capped : .announced)
        }
        precondition(usage.findings.count == quantities.count, "a finding for each quantity")
        precondition(usage.estimate.count == quantities.count, "an estimate for each quantity")
        var counts: [UInt64] = []
        var isEstimated = false
        for (finding, estimate) in zip(usage.findings, usage.estimate) {
            switch (finding, missing) {
            case (.value(let count), _): counts.append(count)
            case (.missing, .nothing): counts.append(0)
            // A number that cannot be believed is no reason to charge nothing.
            case (.missing, .estimate), (.unusable, _):
                guard let estimate else { return Charge(amount: authorised, reason: .estimate) }
                counts.append(estimate)
                isEstimated = true
            }
        }
        guard let amount = tariff.amount(of: counts), amount <= authorised else {
            return Charge(amount: authorised, reason: .capped, counts: counts)
        }
        return Charge(amount: amount, reason: isEstimated ? .estimate : .metered, counts: counts)
    }

    /// Quantities that are tokens of a model.
    private static func isToken(_ quantity: MeteredQuantity) -> Bool {
        quantity.name == "input_tokens" || quantity.name == "output_tokens"
    }

    /// Whether tokens are counted, and as many are assumed of an answer as it may have.
    package var estimatesTokens: Bool {
        quantities.contains(where: Self.isToken)
            && quantities.allSatisfy { quantity in
                !Self.isToken(quantity) || quantity.assumed != nil || quantity.isBoundedByBody
            }
    }

    /// The tokens that an answer to such a request may have; nil where nobody can tell.
    package func tokenEstimate(_ bounds: OutputBounds) -> UInt64? {
        var sum: UInt64 = 0
        for (quantity, estimate) in zip(quantities, estimate(bounds)) where Self.isToken(quantity) {
            guard let estimate else { return nil }
            sum = min(sum + min(estimate, UsageNumber.maximum), UsageNumber.maximum)
        }
        return sum
    }

    /// The tokens of an answer by the rules of a charge; nil where nobody can tell.
    package func tokens(in usage: AnswerUsage) -> UInt64? {
        guard usage.isDelivered else { return 0 }
        var sum: UInt64 = 0
        for (index, quantity) in quantities.enumerated() where Self.isToken(quantity) {
            let count: UInt64? =
                switch (usage.findings[index], missing) {
                case (.value(let count), _): count
                case (.missing, .nothing): 0
                case (.missing, .estimate), (.unusable, _): usage.estimate[index]
                }
            guard let count else { return nil }
            sum = min(sum + min(count, UsageNumber.maximum), UsageNumber.maximum)
        }
        return sum
    }

    /// The finding of each quantity, from the counts of the path and the slots of a report.
    ///
    /// - Parameters:
    ///   - report: The scanner's findings; nil where the body could not be read.
    ///   - field: Looks up a header or trailer field of the answer.
    package func findings(
        report: [UsageFinding]?, bytes: UInt64, elapsed: Duration, field: (MeteredQuantity.Source) -> UsageFinding
    ) -> [UsageFinding] {
        quantities.map { quantity in
            switch quantity.source {
            case .request: .value(1)
            case .bytes: .value(min(bytes, UsageNumber.maximum))
            case .time: .value(Self.milliseconds(elapsed))
            case .report(let slots): report?[slots].reduce(.missing) { $0.adding($1) } ?? .missing
            case .header, .trailer: field(quantity.source)
            }
        }
    }

    /// Whole milliseconds, rounded up.
    private static func milliseconds(_ elapsed: Duration) -> UInt64 {
        let (seconds, attoseconds) = elapsed.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let thousandth: Int64 = 1_000_000_000_000_000
        return UInt64(seconds) &* 1000 &+ UInt64((attoseconds + thousandth - 1) / thousandth)
    }
}
