import Transport

/// Which answers of an upstream are what was paid for (`charge_on`, `charge_min_bytes`, `charge_within`).
package struct ChargePolicy: Hashable, Sendable {
    package var statuses: StatusSet
    /// Bytes of body that an answer must have, at most `maximumLeastBytes`; zero for no bound.
    package var leastBytes: Int
    /// How long after all of the request was sent its answer may begin; nil for no bound.
    package var within: Duration?

    /// As much is held back of an answer of unknown length until it is known to be long enough.
    package static let maximumLeastBytes = 65_536

    /// By the status alone, as the official servers do.
    package static let standard = ChargePolicy()

    package init(statuses: StatusSet = .standard, leastBytes: Int = 0, within: Duration? = nil) {
        precondition(leastBytes <= Self.maximumLeastBytes, "what is held back of an answer is bounded")
        self.statuses = statuses
        self.leastBytes = leastBytes
        self.within = within
    }

    enum Verdict: Hashable {
        case delivers
        case fails(Shortfall)
        /// It delivers once so many bytes of its body have come.
        case needs(bytes: Int)
    }

    /// Why an answer is not what was paid for.
    enum Shortfall: Hashable {
        case status, late, short

        /// For the ledger and the log.
        var reason: StaticString {
            switch self {
            case .status: "upstream status"
            case .late: "upstream too late"
            case .short: "upstream answer too short"
            }
        }
    }

    /// Judges the head of an answer that came `elapsed` after the end of its request was sent.
    ///
    /// An answer that has no body because of what was asked, to HEAD or a 304, is judged by the length that it tells, and
    /// is long enough where it tells none (RFC 9110 §8.6).
    func judge(_ head: ResponseHead, elapsed: Duration) -> Verdict {
        guard statuses.contains(head.status) else { return .fails(.status) }
        if let within, elapsed > within { return .fails(.late) }
        // How much of a resource a part has, and what a coding leaves of its bytes, is the client's choice.
        if leastBytes == 0 || head.status == 206 || head.has(.contentEncoding) { return .delivers }
        switch head.body {
        case .length(let length): return judge(length: length)
        case .chunked, .untilClose: return .needs(bytes: leastBytes)
        case .none:
            if let length = head.contentLength { return judge(length: length) }
            // RFC 9110 §15.3.5 and §15.3.6: these two never have content, whoever asked.
            return head.status == 204 || head.status == 205 ? .fails(.short) : .delivers
        }
    }

    private func judge(length: UInt64) -> Verdict { length >= UInt64(leastBytes) ? .delivers : .fails(.short) }
}
