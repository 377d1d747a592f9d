package import Ledger
import NIOCore
import Primitives

/// `free` of a priced route: how much everyone may have without paying.
package struct FreeTier: Hashable, Sendable {
    /// Whose requests are counted together.
    package enum Subject: Hashable, Sendable {
        /// The client's address, IPv6 by the prefix of `[limits]`.
        case client
        /// The value of a request field, such as `x-api-key`; without it nothing is free.
        case field(String)
        /// The payer of a payment that came along, which is then not used.
        case payer
    }

    /// What is counted.
    package enum Unit: String, Hashable, Sendable, CaseIterable {
        case requests
        /// Bytes of answers; an answer that begins within the limit is finished.
        case bytes
        /// Tokens that the route's meter counts; the estimate is taken before, and corrected afterwards.
        case tokens
    }

    package var limit: UInt64
    package var unit: Unit
    package var window: AllowanceWindow
    package var subject: Subject

    package init(limit: UInt64, unit: Unit = .requests, window: AllowanceWindow, subject: Subject = .client) {
        self.limit = limit
        self.unit = unit
        self.window = window
        self.subject = subject
    }

    /// The claim of one request; `subject` is the network of the address, the field's value or the payer.
    ///
    /// The ledger sees a keyed hash of it (a sponge needs no HMAC around it).
    func claim(route: String, subject: [UInt8], key: Bytes32) -> AllowanceClaim {
        var message = key.bytes
        message += "free\u{0}\(route)\u{0}".utf8
        message += subject
        return AllowanceClaim(key: Keccak256.hash(message), window: window, limit: limit)
    }

    /// Writes what is left (draft-ietf-httpapi-ratelimit-headers-10): policy `free`, its unit where it is not requests.
    func writeFields(_ outcome: AllowanceOutcome, now: UnixTime, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("ratelimit-policy: \"free\";q=")
        buffer.writeDecimal(limit)
        buffer.writeStaticString(";w=")
        buffer.writeDecimal(UInt64(window.seconds))
        switch unit {
        case .requests: break
        case .bytes: buffer.writeStaticString(";qu=\"content-bytes\"")
        case .tokens: buffer.writeStaticString(";qu=\"tokens\"")
        }
        buffer.writeStaticString("\r\nratelimit: \"free\";r=")
        buffer.writeDecimal(outcome.left)
        buffer.writeStaticString(";t=")
        buffer.writeDecimal(UInt64(max(outcome.endsAt.seconds - now.seconds, 0)))
        buffer.writeStaticString("\r\n")
    }
}
