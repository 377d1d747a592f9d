import Pricing
import X402

/// The scanner of body fields: the same however a body is cut, and of strict JSON what a reading of the whole finds.
///
/// The first byte picks the places of the cuts, the rest is the body.
enum BodyFieldFuzz {
    private static let paths = [["model"], ["a", "b"], ["a", "c", "d"], ["l", "0"], ["max_tokens"]]

    private struct Outcome: Equatable {
        var readings: [FieldReading]
        var failure: BodyFieldScanner.Failure?
    }

    static func fault(in input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        let whole = outcome(of: body, cuts: [])
        if outcome(of: body, cuts: Array(body.indices)) != whole { return "byte by byte it is another" }
        var cuts: [Int] = []
        var place = Int(first % 16)
        while place < body.count {
            cuts.append(place)
            place += Int(first / 16) + 1 + place % 5
        }
        if outcome(of: body, cuts: cuts) != whole { return "in pieces it is another" }
        guard let value = try? JSONValue.parse(Array(body), limits: JSONLimits(maxDepth: 64)) else { return nil }
        if whole.failure != nil { return body.contains(UInt8(ascii: "\\")) ? nil : "strict JSON is refused" }
        for (path, reading) in zip(paths, whole.readings) {
            let expected = expectation(value, path[...])
            if case .doubtful = reading { continue }
            guard case .found(let found) = expected else { return "\(path) is doubtful, and read as \(reading)" }
            if found != reading { return "\(path) is \(reading) against \(found)" }
        }
        return nil
    }

    private static func outcome(of body: UnsafeRawBufferPointer, cuts: [Int]) -> Outcome {
        var scanner = BodyFieldScanner(paths: paths)
        var start = 0
        for end in cuts + [body.count] {
            scanner.scan(UnsafeRawBufferPointer(rebasing: body[start..<end]))
            start = end
        }
        scanner.finish()
        // What was read before a failure is used by nobody.
        return Outcome(readings: scanner.failure == nil ? scanner.readings : [], failure: scanner.failure)
    }

    private enum Expectation {
        case found(FieldReading)
        case doubtful
    }

    /// What stands at a path; doubtful where readers differ.
    private static func expectation(_ value: JSONValue, _ path: ArraySlice<String>) -> Expectation {
        guard let name = path.first else { return .found(reading(of: value)) }
        let rest = path.dropFirst()
        switch value {
        case .object(let members):
            let exact = members.filter { $0.key == name }
            if exact.count > 1 { return .doubtful }
            return exact.first.map { expectation($0.value, rest) } ?? .found(.absent)
        case .array(let elements):
            guard let index = Int(name) else { return .doubtful }
            return elements.indices.contains(index) ? expectation(elements[index], rest) : .found(.absent)
        case .null: return .found(.absent)
        default: return .doubtful
        }
    }

    private static func reading(of value: JSONValue) -> FieldReading {
        switch value {
        case .null: .absent
        case .bool(let value): .bool(value)
        case .number(let text): .number(text)
        case .string(let text): .text(text)
        case .array, .object: .structure
        }
    }
}
