/// How the reports of usage are framed in a body.
package enum UsageFraming: String, Hashable, Sendable {
    /// One JSON text.
    case document
    /// Server-sent events, each with a JSON text.
    case events
    /// A JSON text on each line.
    case lines
}

/// What may become of the bytes up to a place in the piece at hand, or of all that is held from earlier pieces.
package struct StreamCut: Hashable, Sendable {
    /// An event that the client did not ask for; else the bytes go out.
    package var isWithheld: Bool
    /// In bytes from the start of the piece.
    package var end: Int
}

/// Reads usage out of a body as it passes, in pieces of any size; keeps none of it.
package struct UsageScanner {
    /// Bytes of an event that are held at most while it is not known whether it only carries usage.
    package static let maximumHeldBytes = 65_536

    private let framing: UsageFraming
    /// Whether events that only carry usage are withheld.
    private let withholds: Bool
    private var document: PathScanner
    private var tally: UsageTally
    private var events = EventFraming()
    private let quiet: QuietEvents?
    /// Where in the piece the event at hand begins that may have to be withheld; nil when none is held.
    private var heldFrom: Int?
    private var heldBytes = 0
    private var wasWithheld = false

    /// - Parameter withholds: Of event streams only: find the event that OpenAI's `include_usage` adds.
    package init(_ shape: UsageShape, framing: UsageFraming, withholds: Bool = false) {
        self.framing = framing
        self.withholds = withholds && framing == .events
        quiet = framing == .events ? shape.quiet : nil
        document = PathScanner(shape.paths)
        tally = UsageTally(shape)
    }

    /// What was found until now; complete after `finish`.
    package var findings: [UsageFinding] { tally.findings }

    /// Reads the next piece; all of it may go out.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        scan(bytes) { _ in }
    }

    /// Reads the next piece and cuts it: what is behind the last cut is not decided yet.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer, cut: (StreamCut) -> Void) {
        guard bytes.count > 0 else { return }
        switch framing {
        case .document:
            document.scan(bytes, into: &tally)
            cut(StreamCut(isWithheld: false, end: bytes.count))
        case .lines:
            scanLines(bytes)
            cut(StreamCut(isWithheld: false, end: bytes.count))
        case .events: scanEvents(bytes, cut)
        }
    }

    /// The body is over, or broke off; whether what is not decided yet is to be withheld.
    package mutating func finish() -> Bool {
        let isUsageAlone = heldFrom != nil && tally.marks.isUsageAlone
        endDocument()
        heldFrom = nil
        return isUsageAlone
    }

    private mutating func endDocument() {
        tally.ended(document.ending())
        document.reset()
    }

    private mutating func scanLines(_ bytes: UnsafeRawBufferPointer) {
        var position = 0
        while position < bytes.count {
            let end = LineEnd.lineFeed(in: bytes, from: position)
            document.scan(UnsafeRawBufferPointer(rebasing: bytes[position..<end]), into: &tally)
            position = end
            guard end < bytes.count else { return }
            endDocument()
            position &+= 1
        }
    }

    private mutating func scanEvents(_ bytes: UnsafeRawBufferPointer, _ cut: (StreamCut) -> Void) {
        var position = 0
        var search = QuietEvents.Search()
        while position < bytes.count {
            if let quiet, events.isBetweenEvents,
                let end = quiet.quietEnd(in: bytes, from: position, &search)
            {
                position = end
                wasWithheld = false
                continue
            }
            let start = position
            switch events.next(in: bytes, at: &position) {
            case .data(let range):
                document.scan(UnsafeRawBufferPointer(rebasing: bytes[range]), into: &tally)
                if tally.marks.isContent { heldFrom = nil }
            case .lineFeed: scanLineFeed()
            case .eventEnd(let end): endEvent(at: end, cut)
            case .lateLineFeed(let end):
                if wasWithheld { cut(StreamCut(isWithheld: true, end: end)) }
            case .other: hold(from: start)
            }
        }
        guard withholds else { return cut(StreamCut(isWithheld: false, end: bytes.count)) }
        release(bytes.count, cut)
    }

    /// A line feed inside of data, which is white space in JSON.
    private mutating func scanLineFeed() {
        withUnsafeBytes(of: UInt8(0x0A)) { document.scan($0, into: &tally) }
    }

    /// Holds an event from its first line of data on.
    private mutating func hold(from start: Int) {
        guard withholds, !events.hasData else { return }
        heldFrom = events.mayBeData ? heldFrom ?? start : nil
    }

    private mutating func endEvent(at end: Int, _ cut: (StreamCut) -> Void) {
        wasWithheld = heldFrom != nil && tally.marks.isUsageAlone && document.ending() == .complete
        if wasWithheld, let start = heldFrom {
            if start > 0 { cut(StreamCut(isWithheld: false, end: start)) }
            cut(StreamCut(isWithheld: true, end: end))
        }
        heldFrom = nil
        heldBytes = 0
        endDocument()
    }

    /// Lets go of what is decided at the end of a piece.
    private mutating func release(_ count: Int, _ cut: (StreamCut) -> Void) {
        if let start = heldFrom {
            heldBytes &+= count &- start
            if heldBytes <= Self.maximumHeldBytes {
                if start > 0 { cut(StreamCut(isWithheld: false, end: start)) }
                heldFrom = 0
                return
            }
            heldFrom = nil
            heldBytes = 0
        }
        cut(StreamCut(isWithheld: false, end: count))
    }
}
