/// Asks an OpenAI-like upstream for usage in a stream, by an edit of the request's JSON bytes.
package struct StreamOptionsEdit: Hashable, Sendable {
    /// What is to be done to a request.
    package enum Outcome: Hashable, Sendable {
        /// No stream is asked for, or not clearly.
        case notNeeded
        /// The client asks for usage itself, and gets it.
        case askedFor
        case edit(StreamOptionsEdit)
    }

    /// The bytes that are replaced.
    package let range: Range<Int>
    package let replacement: String

    /// By how many bytes a request grows at most.
    package static let maximumGrowth = 44

    /// Decides for a whole body.
    package static func decide(_ body: UnsafeRawBufferPointer) -> Outcome {
        var finder = StreamOptionsFinder()
        var scanner = PathScanner(StreamOptionsFinder.paths)
        scanner.scan(body, into: &finder)
        // Where a name stands twice readers differ in what is asked.
        guard scanner.ending() == .complete, !finder.isDoubtful, finder.isStream else { return .notNeeded }
        return decide(finder, body)
    }

    private static func decide(_ finder: StreamOptionsFinder, _ body: UnsafeRawBufferPointer) -> Outcome {
        guard let options = finder.options else {
            guard let start = body.firstIndex(of: UInt8(ascii: "{")) else { return .notNeeded }
            // The object is not empty: it asks for a stream.
            return .edit(
                StreamOptionsEdit(
                    range: start + 1..<start + 1, replacement: "\"stream_options\":{\"include_usage\":true},"))
        }
        switch options.value {
        case .null:
            return .edit(StreamOptionsEdit(range: options.range, replacement: "{\"include_usage\":true}"))
        case .object: break
        default: return .notNeeded
        }
        guard let include = finder.include else {
            let inside = options.range.upperBound
            let isEmpty = body[inside...].first { $0 > 0x20 } == UInt8(ascii: "}")
            return .edit(
                StreamOptionsEdit(
                    range: inside..<inside,
                    replacement: isEmpty ? "\"include_usage\":true" : "\"include_usage\":true,"))
        }
        switch include.value {
        case .bool(true): return .askedFor
        case .bool(false), .null:
            return .edit(StreamOptionsEdit(range: include.range, replacement: "true"))
        default: return .notNeeded
        }
    }
}

/// Finds what a request says of its stream.
private struct StreamOptionsFinder: PathSink {
    static let paths = UsagePathSet(
        ["stream", "stream_options", "stream_options.include_usage"].compactMap { UsagePath($0) })

    struct Place {
        var value: PathValue
        var range: Range<Int>
    }

    private var streams = 0
    private var optionses = 0
    private var includes = 0
    private(set) var isStream = false
    private(set) var options: Place?
    private(set) var include: Place?

    /// Whether a name stands twice.
    var isDoubtful: Bool { streams > 1 || optionses > 1 || includes > 1 }

    mutating func found(_ value: PathValue, at paths: UInt16, range: Range<Int>) {
        switch paths {
        case 1:
            streams += 1
            isStream = value == .bool(true)
        case 2:
            optionses += 1
            options = Place(value: value, range: range)
        default:
            includes += 1
            include = Place(value: value, range: range)
        }
    }

    mutating func elementEnded(_ paths: UInt16) {}
}
