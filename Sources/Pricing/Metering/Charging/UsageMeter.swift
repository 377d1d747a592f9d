package import Primitives

/// What a route counts of an answer, and what it assumes before there is one.
package struct UsageMeter: Sendable {
    /// What becomes of a quantity that could not be read.
    package enum MissingRule: String, CaseIterable, Hashable, Sendable {
        /// It is charged as it was estimated.
        case estimate
        /// It costs nothing.
        case nothing
    }

    /// What a file says of a meter.
    package struct Terms: Sendable {
        package var preset: MeterPreset?
        /// By quantity, in the order of the file.
        package var rates: [(name: String, rate: MeterRate)] = []
        package var usage: [String: UsagePlace] = [:]
        package var assumed: [String: UInt64] = [:]
        package var succession = UsageShape.Succession.last
        package var missing = MissingRule.estimate
        /// Whether streams are asked for usage that the client did not ask for.
        package var addsUsage = false
        /// Answers that are known to be no longer are held until their charge is known.
        package var heldBytes: UInt64 = 64 * 1024
        /// Whether a request's own fields say what its answer may cost at most.
        package var isBoundedByRequest = false

        package init() {}
    }

    package let quantities: [MeteredQuantity]
    package let missing: MissingRule
    /// Nil where no quantity is read from a body.
    package let report: UsageShape?
    /// Nil where the request does not bound anything.
    package let bounds: RequestBounds?
    package let addsUsage: Bool
    /// Whether what a request may be charged at most depends on its body.
    package let isBoundedByRequest: Bool
    /// Answers that are known to be no longer than this are held until their charge is known, so that their head tells it.
    package let heldBytes: UInt64
    private let rates: [MeterRate]

    package init(_ terms: Terms) throws(MeterError) {
        guard !terms.rates.isEmpty else { throw .nothingCounted }
        var slots: [[UsagePath]] = []
        var quantities: [MeteredQuantity] = []
        for (name, _) in terms.rates { quantities.append(try Self.quantity(name, terms, &slots)) }
        guard slots.joined().count <= UsageShape.maximumPaths else { throw .tooManyPaths }
        let adds = terms.addsUsage && !slots.isEmpty
        if terms.isBoundedByRequest, let free = quantities.first(where: { !$0.isBounded }) {
            throw .unbounded(free.name)
        }
        isBoundedByRequest = terms.isBoundedByRequest
        heldBytes = terms.heldBytes
        self.quantities = quantities
        rates = terms.rates.map(\.rate)
        missing = terms.missing
        addsUsage = adds
        report = slots.isEmpty ? nil : UsageShape(slots: slots, succession: terms.succession, marksHidden: adds)
        let isBounded = quantities.contains { $0.isBoundedByRequest || $0.isBoundedByBody }
        bounds = isBounded ? terms.preset.map { RequestBounds($0) } : nil
    }

    private static func quantity(
        _ name: String, _ terms: Terms, _ slots: inout [[UsagePath]]
    ) throws(MeterError) -> MeteredQuantity {
        let source = try source(of: name, terms, &slots)
        let assumed = source == .request ? 1 : terms.assumed[name]
        return MeteredQuantity(
            name: name, source: source, assumed: assumed,
            isBoundedByRequest: terms.preset != nil && name == "output_tokens",
            isBoundedByBody: terms.preset != nil && name == "input_tokens")
    }

    /// What the path of a request counts by itself.
    private static let own: [String: MeteredQuantity.Source] = ["request": .request, "bytes": .bytes, "seconds": .time]

    /// Whether a quantity of this name is counted by the path of a request.
    package static func isCountedByUs(_ name: String) -> Bool { own[name] != nil }

    private static func source(
        of name: String, _ terms: Terms, _ slots: inout [[UsagePath]]
    ) throws(MeterError) -> MeteredQuantity.Source {
        switch terms.usage[name] {
        case .header(let field): return .header(name: field)
        case .trailer(let field): return .trailer(name: field)
        case .path(let path):
            slots.append([path])
            return .report(slots: slots.count - 1..<slots.count)
        case nil: break
        }
        if let own = own[name] { return own }
        guard let places = terms.preset?.places(of: name) else { throw .unknownQuantity(name) }
        slots += places
        return .report(slots: slots.count - places.count..<slots.count)
    }

    /// What the quantities cost in one asset.
    package func tariff(in asset: PricedAsset) throws(PriceError) -> UsageTariff {
        var fractions: [DecimalFraction] = []
        for (quantity, rate) in zip(quantities, rates) {
            var fraction = try rate.perUnit(of: asset)
            if quantity.source == .time { fraction.decimals += 3 }
            fractions.append(fraction)
        }
        return try UsageTariff(fractions)
    }

    /// The ids of the assets that rates name.
    package var namedAssets: [String] { rates.flatMap(\.namedAssets) }

    /// The rates as the file has them.
    package var ratesText: String {
        zip(quantities, rates).map { "\($0.name) \($1)" }.joined(separator: ", ")
    }
}

/// What the quantities of a meter cost in atomic units of one asset.
package struct UsageTariff: Hashable, Sendable {
    /// Per unit, times ten to the power of `decimals`.
    private let perUnit: [UInt256]
    private let decimals: Int

    init(_ fractions: [DecimalFraction]) throws(PriceError) {
        let decimals = fractions.reduce(0) { max($0, $1.decimals) }
        var perUnit: [UInt256] = []
        for fraction in fractions {
            guard let digits = fraction.digits.scaled(byTenTo: decimals - fraction.decimals) else { throw .tooLarge }
            perUnit.append(digits)
        }
        self.perUnit = perUnit
        self.decimals = decimals
    }

    /// What so much costs, rounded up once; nil when it does not fit in 256 bits.
    package func amount(of counts: [UInt64]) -> UInt256? {
        precondition(counts.count == perUnit.count, "a count for each rate")
        var sum = UInt256.zero
        for (count, rate) in zip(counts, perUnit) {
            guard let part = rate.multiplied(by: count), let next = sum.adding(part) else { return nil }
            sum = next
        }
        return sum.dividedUp(byTenTo: decimals)
    }
}
