import NIOCore

/// Judges whether a peer's frames are in proportion to its requests.
///
/// Frames that carry nothing are paid from a bucket that fills with time and with useful work: PING, SETTINGS, PRIORITY,
/// WINDOW_UPDATE, RST_STREAM, empty DATA, CONTINUATION and unknown frames cost their sender next to nothing (RFC 9113
/// §10.5). Resets are counted apart (CVE-2023-44487), and so are the CONTINUATION frames of one field section.
struct FrameBudget {
    private(set) var frames: TokenBucket
    private(set) var resets: TokenBucket
    private let maxContinuations: Int
    private var continuations = 0
    /// Whether a field section has begun and not ended.
    private(set) var isInsideFields = false

    init(limits: HTTP2Limits, now: NIODeadline) {
        frames = TokenBucket(
            capacity: limits.maxControlFrames, perSecond: max(1, limits.maxControlFrames / 10), now: now)
        resets = TokenBucket(capacity: limits.maxResets, perSecond: max(1, limits.maxResets / 4), now: now)
        maxContinuations = limits.maxContinuations
    }

    /// Takes note of a frame of the peer; false when it was one too many.
    mutating func arrived(_ frame: HTTP2FrameScan.Frame, now: NIODeadline) -> Bool {
        typealias Frame = HTTP2FrameScan.Frame
        switch frame.type {
        case Frame.data:
            if frame.length > 0 || frame.flags & Frame.endStream != 0 { return true }
            return frames.take(now: now)
        case Frame.headers:
            continuations = 0
            isInsideFields = frame.flags & Frame.endHeaders == 0
            return true
        case Frame.continuation:
            continuations += 1
            isInsideFields = frame.flags & Frame.endHeaders == 0
            return continuations <= maxContinuations && frames.take(now: now)
        default:
            return frames.take(now: now)
        }
    }

    /// Takes note of a request that the peer reset; false when it was one too many.
    mutating func wasReset(now: NIODeadline) -> Bool { resets.take(now: now) }

    /// A frame of ours left that a peer has reason to acknowledge.
    mutating func sent() { frames.give(1) }

    mutating func sent(bytes: Int) {
        if bytes >= 1024 { frames.give(2) }
    }

    /// A request was answered whole.
    mutating func answered() {
        frames.give(4)
        resets.give(1)
    }
}

/// Tokens that come back with time.
struct TokenBucket {
    private let capacity: Int
    private let perSecond: Int
    private var tokens: Int
    private var filled: NIODeadline

    /// Starts full.
    init(capacity: Int, perSecond: Int, now: NIODeadline) {
        self.capacity = capacity
        self.perSecond = perSecond
        tokens = capacity
        filled = now
    }

    /// Takes one token, if there is one.
    mutating func take(now: NIODeadline) -> Bool {
        if tokens == 0 { fill(now) }
        guard tokens > 0 else { return false }
        tokens &-= 1
        return true
    }

    mutating func give(_ count: Int) {
        tokens = min(capacity, tokens &+ count)
    }

    private mutating func fill(_ now: NIODeadline) {
        let elapsed = (now - filled).nanoseconds
        guard elapsed > 0 else { return }
        filled = now
        // A day fills any bucket; more would overflow.
        let seconds = min(elapsed, TimeAmount.hours(24).nanoseconds) / 1_000_000
        give(Int(clamping: seconds &* Int64(perSecond) / 1000))
    }
}
