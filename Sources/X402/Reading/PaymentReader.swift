import Primitives

/// Reads payments from header values; owns the memory that this takes, so one serves an event loop.
package struct PaymentReader {
    /// Most bytes of one header value.
    package static let maxHeaderBytes = 16 * 1024
    /// Most objects and arrays inside one another.
    package static let maxDepth = 16
    /// Most members of all objects that are open at one point of the text.
    package static let maxOpenMembers = 256

    private let scratch: JSONScratch

    package init() {
        scratch = JSONScratch(capacity: Self.maxHeaderBytes, maxOpenMembers: Self.maxOpenMembers)
    }

    /// Reads one header value: JSON as it is, or in base64 of either alphabet, padded or not.
    package mutating func read(_ header: UnsafeRawBufferPointer) -> PaymentReading {
        let text = Self.trimmed(header)
        guard text.count > 0 else { return .none }
        guard text.count <= Self.maxHeaderBytes else { return .undecodable(.invalidPayload) }
        guard text[0] != UInt8(ascii: "{") else {
            return Self.reading(scratch.scanner(copying: text, maxDepth: Self.maxDepth))
        }
        guard let count = Base64.decode(text, into: scratch.room) else { return .undecodable(.invalidPayload) }
        return Self.reading(scratch.scanner(count: count, maxDepth: Self.maxDepth))
    }

    /// Reads both headers of a request; two that are not the same payment conflict.
    ///
    /// Of one payment in two forms the version 2 reading counts. One header that cannot be read spoils the other.
    package mutating func read(
        paymentSignature: UnsafeRawBufferPointer?, xPayment: UnsafeRawBufferPointer?
    ) -> PaymentReading {
        let first = paymentSignature.map { read($0) } ?? .none
        guard let xPayment else { return first }
        let second = read(xPayment)
        switch (first, second) {
        case (.none, _): return second
        case (_, .none): return first
        case (.payment(let one), .payment(let other)):
            guard one.isSamePayment(as: other) else { return .conflicting }
            return one.form.precedence >= other.form.precedence ? first : second
        case (.payment, _): return second
        case (.undecodable, _), (.conflicting, _): return first
        }
    }

    @inline(__always)
    fileprivate static func reading(_ scanner: consuming JSONScanner) -> PaymentReading {
        do {
            var draft = PaymentDraft()
            try draft.read(&scanner)
            return try draft.reading(&scanner)
        } catch {
            return .undecodable(.invalidPayload)
        }
    }

    /// The value without the white space that RFC 9110 §5.5 allows around it.
    private static func trimmed(_ header: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var first = 0
        var end = header.count
        while first < end, header[first] == 0x20 || header[first] == 0x09 { first += 1 }
        while end > first, header[end - 1] == 0x20 || header[end - 1] == 0x09 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: header[first..<end])
    }
}

extension Payment {
    /// Reads a payment's JSON from elsewhere than a header; empty text is undecodable.
    package static func parse(json: UnsafeRawBufferPointer) -> PaymentReading {
        guard json.count <= JSONLimits().maxBytes else { return .undecodable(.invalidPayload) }
        let scratch = JSONScratch(capacity: json.count, maxOpenMembers: PaymentReader.maxOpenMembers)
        return withExtendedLifetime(scratch) {
            PaymentReader.reading(scratch.scanner(copying: json, maxDepth: PaymentReader.maxDepth))
        }
    }

    /// Whether two readings of one request are of one payment: payer and nonce, on no two networks.
    fileprivate func isSamePayment(as other: Payment) -> Bool {
        if let network, let otherNetwork = other.network, network != otherNetwork { return false }
        switch (payload, other.payload) {
        case (.transfer(let one), .transfer(let two)): return one.from == two.from && one.nonce == two.nonce
        case (.permit(let one), .permit(let two)): return one.from == two.from && one.nonce == two.nonce
        case (.other(let one), .other(let two)): return one == two
        case (.transfer, _), (.permit, _), (.other, _): return false
        }
    }
}

extension PaymentForm {
    /// Which form counts when one payment comes in two.
    fileprivate var precedence: Int {
        switch self {
        case .v2: 2
        case .v1: 1
        case .plain: 0
        }
    }
}
