package import Primitives

/// What a request's own fields say of how much its answer may be.
package struct RequestBounds: Sendable {
    private let shape: UsageShape

    init(_ preset: MeterPreset) {
        // Readers of JSON differ in which of two names they take, and some of them in case: the most that anyone could read.
        shape = UsageShape(
            slots: [preset.outputBounds, preset.outputFactors], occurrences: preset.prompts, ignoresCase: true,
            isOfRequest: true)
    }

    /// Starts to read a request's body.
    package func reader() -> RequestReader { RequestReader(shape) }
}

/// Reads the bounds out of a request's body, which arrives in pieces.
package struct RequestReader {
    private var scanner: PathScanner
    private var tally: UsageTally
    private var bytes: UInt64 = 0

    init(_ shape: UsageShape) {
        scanner = PathScanner(shape.paths)
        tally = UsageTally(shape)
    }

    package mutating func scan(_ piece: UnsafeRawBufferPointer) {
        bytes &+= UInt64(piece.count)
        scanner.scan(piece, into: &tally)
    }

    /// The body is whole, or as much of it as there will be.
    package mutating func finish() -> OutputBounds {
        let ending = scanner.ending()
        tally.ended(ending)
        var bounds = OutputBounds(bodyBytes: bytes)
        switch ending {
        case .empty: break
        // The upstream may understand what is no JSON to us.
        case .incomplete, .broken: bounds.output = .unusable(.notANumber)
        case .complete:
            bounds.output = tally.findings[0]
            bounds.factors = Array(tally.findings[1...])
            bounds.hasNoBound = tally.hasNoBound
        }
        return bounds
    }
}

/// The bounds that a request sets to its answer.
package struct OutputBounds: Hashable, Sendable {
    package var output = UsageFinding.missing
    /// Whether the request asks for as much as there is, in one of the names at least.
    package var hasNoBound = false
    /// How often the output is made.
    package var factors: [UsageFinding] = []
    package var bodyBytes: UInt64

    package init(bodyBytes: UInt64) { self.bodyBytes = bodyBytes }

    /// The output in all, from what is assumed where the request says nothing; nil when nobody can tell.
    func product(assuming assumed: UInt64?) -> UInt64? {
        guard var product = number(assuming: assumed) else { return nil }
        for factor in factors {
            guard let factor = Self.number(factor, else: 1) else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(factor, 1))
            if overflow || next > UsageNumber.maximum { return nil }
            product = next
        }
        return product
    }

    /// The output once; where one name has no bound, nobody can tell which of them is read.
    private func number(assuming assumed: UInt64?) -> UInt64? {
        guard hasNoBound else { return Self.number(output, else: assumed) }
        return assumed.flatMap { assumed in Self.number(output, else: assumed).map { max($0, assumed) } }
    }

    private static func number(_ finding: UsageFinding, else assumed: UInt64?) -> UInt64? {
        switch finding {
        case .value(let value): value
        case .missing, .unusable(.negative): assumed
        case .unusable: nil
        }
    }
}

extension UsageMeter {
    /// What an answer to a request can cost at most by what the request says; nil where it does not say.
    ///
    /// Output by the request's own bound. Input by the bytes of its body, since a token has one at least, or by what is assumed
    /// of it where that is more. Others by what is assumed. At least one unit.
    package func most(_ bounds: OutputBounds, at tariff: UsageTariff) -> UInt256? {
        var counts: [UInt64] = []
        for quantity in quantities {
            let count: UInt64? =
                if quantity.isBoundedByRequest { bounds.product(assuming: nil) } else if quantity.isBoundedByBody {
                    max(bounds.bodyBytes, quantity.assumed ?? 0)
                } else { quantity.assumed }
            guard let count else { return nil }
            counts.append(count)
        }
        return tariff.amount(of: counts).map { max($0, UInt256(1)) }
    }

    /// How much of each quantity is assumed where its answer does not say; nil where nobody can tell.
    package func estimate(_ bounds: OutputBounds) -> [UInt64?] {
        quantities.map { quantity in
            if quantity.isBoundedByRequest { return bounds.product(assuming: quantity.assumed) }
            return quantity.assumed ?? (quantity.isBoundedByBody ? bounds.bodyBytes : nil)
        }
    }
}
