@testable import Pricing

/// Scans whole bodies, and the same bodies in pieces.
enum MeteringSamples {
    static func shape(
        _ slots: [[String]], succession: UsageShape.Succession = .last, marksHidden: Bool = false
    ) -> UsageShape {
        UsageShape(
            slots: slots.map { $0.compactMap { UsagePath($0) } }, succession: succession, marksHidden: marksHidden)
    }

    /// What a client got and what was found.
    struct Outcome: Equatable {
        var findings: [UsageFinding] = []
        var passed: [UInt8] = []
        var withheld: [UInt8] = []
    }

    /// Scans a body cut before each of `cuts`, as a shell would that holds what is not decided.
    static func scan(
        _ body: [UInt8], _ shape: UsageShape, _ framing: UsageFraming, withholds: Bool = false, cuts: [Int] = []
    ) -> Outcome {
        var scanner = UsageScanner(shape, framing: framing, withholds: withholds)
        var outcome = Outcome()
        var held: [UInt8] = []
        var start = 0
        for end in cuts + [body.count] {
            var done = 0
            let piece = Array(body[start..<end])
            piece.withUnsafeBytes { bytes in
                scanner.scan(bytes) { cut in
                    held += piece[done..<cut.end]
                    if cut.isWithheld { outcome.withheld += held } else { outcome.passed += held }
                    held = []
                    done = cut.end
                }
            }
            held += piece[done...]
            start = end
        }
        if scanner.finish() { outcome.withheld += held } else { outcome.passed += held }
        outcome.findings = scanner.findings
        return outcome
    }

    static func findings(_ body: String, _ slots: [[String]], _ framing: UsageFraming = .document) -> [UsageFinding] {
        scan(Array(body.utf8), shape(slots), framing).findings
    }
}
