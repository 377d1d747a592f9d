import Pricing
import X402

/// The scanners of usage: the same however a body is cut, and the same as a reading of the whole.
///
/// The first byte picks the framing, the second the places of the cuts, the rest is the body.
enum UsageFuzz {
    private static let slots = [["usage.a", "*.usage.a"], ["usage.b.c", "b"]]
    private static let last = shape(.last)
    private static let every = shape(.every)

    private static func shape(_ succession: UsageShape.Succession) -> UsageShape {
        UsageShape(
            slots: slots.map { $0.compactMap { UsagePath($0) } }, succession: succession, marksHidden: true)
    }

    private struct Outcome: Equatable {
        var findings: [UsageFinding] = []
        /// For each byte of the body whether it was withheld.
        var isWithheld: [Bool] = []
    }

    static func fault(in input: UnsafeRawBufferPointer) -> String? {
        guard input.count >= 2 else { return nil }
        let framing: UsageFraming = [.document, .events, .lines][Int(input[0] % 3)]
        let succession: UsageShape.Succession = input[0] & 0x40 == 0 ? .last : .every
        let shape = succession == .last ? last : every
        let body = UnsafeRawBufferPointer(rebasing: input[2...])
        let whole = outcome(of: body, shape, framing, cuts: [])
        if outcome(of: body, shape, framing, cuts: Array(body.indices)) != whole { return "byte by byte it is another" }
        var cuts: [Int] = []
        var place = Int(input[1] % 16)
        while place < body.count {
            cuts.append(place)
            place += Int(input[1] / 16) + 1 + place % 7
        }
        if outcome(of: body, shape, framing, cuts: cuts) != whole { return "in pieces it is another" }
        if framing != .events, whole.isWithheld.contains(true) { return "withheld of what is no event stream" }
        guard let expected = UsageModel(slots: slots, succession: succession).findings(body, framing) else {
            return nil
        }
        return expected == whole.findings ? nil : "\(whole.findings) against \(expected)"
    }

    private static func outcome(
        of body: UnsafeRawBufferPointer, _ shape: UsageShape, _ framing: UsageFraming, cuts: [Int]
    ) -> Outcome {
        var scanner = UsageScanner(shape, framing: framing, withholds: true)
        var outcome = Outcome()
        var start = 0
        for end in cuts + [body.count] {
            scanner.scan(UnsafeRawBufferPointer(rebasing: body[start..<end])) { cut in
                let count = start + cut.end - outcome.isWithheld.count
                outcome.isWithheld += Array(repeating: cut.isWithheld, count: max(0, count))
            }
            start = end
        }
        let rest = scanner.finish()
        outcome.isWithheld += Array(repeating: rest, count: body.count - outcome.isWithheld.count)
        outcome.findings = scanner.findings
        return outcome
    }
}

/// Usage as a reading of whole texts finds it, for bodies that are strict JSON throughout.
private struct UsageModel {
    let slots: [[String]]
    let succession: UsageShape.Succession

    /// Nil where a text is no strict JSON, of which the scanner need not agree with anyone.
    func findings(_ body: UnsafeRawBufferPointer, _ framing: UsageFraming) -> [UsageFinding]? {
        var texts: [[UInt8]]
        switch framing {
        case .document: texts = [Array(body)]
        case .lines: texts = body.split(separator: 0x0A).map { Array($0) }
        case .events: texts = events(body)
        }
        texts.removeAll { $0.allSatisfy { [0x20, 0x0A, 0x0D, 0x09].contains($0) } }
        var findings = [UsageFinding](repeating: .missing, count: slots.count)
        for text in texts {
            guard let value = try? JSONValue.parse(text, limits: JSONLimits(maxDepth: 64)) else { return nil }
            for (slot, paths) in slots.enumerated() { fold(value, paths, into: &findings[slot]) }
        }
        return findings
    }

    /// Elements of an array come one after the other, all else in a text at once.
    private func fold(_ value: JSONValue, _ paths: [String], into finding: inout UsageFinding) {
        if case .array(let elements) = value, paths.contains(where: { $0.hasPrefix("*.") }) {
            let rest = paths.compactMap { $0.hasPrefix("*.") ? String($0.dropFirst(2)) : nil }
            for element in elements { take(at(element, rest), into: &finding) }
        } else {
            take(at(value, paths.filter { !$0.hasPrefix("*") }), into: &finding)
        }
    }

    private func take(_ found: [UsageFinding], into finding: inout UsageFinding) {
        let one = found.reduce(.missing, Self.larger)
        guard one != .missing else { return }
        guard succession == .every else {
            finding = one
            return
        }
        switch (finding, one) {
        case (.missing, _): finding = one
        case (.value(let sum), .value(let more)):
            finding = sum + more > UsageNumber.maximum ? .unusable(.absurd) : .value(sum + more)
        case (.value, _): finding = one
        default: break
        }
    }

    private static func larger(_ one: UsageFinding, _ two: UsageFinding) -> UsageFinding {
        switch (one, two) {
        case (.missing, _): two
        case (.value(let first), .value(let second)): .value(max(first, second))
        case (.value, .unusable): two
        default: one
        }
    }

    private func at(_ value: JSONValue, _ paths: [String]) -> [UsageFinding] {
        guard case .object(let members) = value else { return [] }
        var found: [UsageFinding] = []
        for member in members {
            if paths.contains(member.key) { found += Self.finding(of: member.value) }
            let rest = paths.compactMap {
                $0.hasPrefix(member.key + ".") ? String($0.dropFirst(member.key.count + 1)) : nil
            }
            if !rest.isEmpty { found += at(member.value, rest) }
        }
        return found
    }

    private static func finding(of value: JSONValue) -> [UsageFinding] {
        guard case .number(let text) = value else { return value == .null ? [] : [.unusable(.notANumber)] }
        if text.hasPrefix("-") { return [.unusable(.negative)] }
        if text.contains(where: { ".eE".contains($0) }) { return [.unusable(.fractional)] }
        guard let count = UInt64(text), count <= UsageNumber.maximum else { return [.unusable(.absurd)] }
        return [.value(count)]
    }

    /// The data of each event, of a stream that is at hand as a whole.
    private func events(_ body: UnsafeRawBufferPointer) -> [[UInt8]] {
        var text = Array(body)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
        var lines: [[UInt8]] = [[]]
        for (index, byte) in text.enumerated() {
            if byte == 0x0A, index > 0, text[index - 1] == 0x0D { continue }
            if byte == 0x0A || byte == 0x0D { lines.append([]) } else { lines[lines.count - 1].append(byte) }
        }
        var events: [[UInt8]] = []
        var data: [[UInt8]] = []
        for line in lines {
            if line.isEmpty {
                events.append(Array(data.joined(separator: [0x0A])))
                data = []
            } else if line.starts(with: Array("data:".utf8)) {
                let value = line.dropFirst(5)
                data.append(Array(value.first == 0x20 ? value.dropFirst() : value))
            }
        }
        return events + [Array(data.joined(separator: [0x0A]))]
    }
}
