import NIOCore
import Transport
import X402

/// Builds the head of an answer downstream from the upstream's, by copying what is kept.
enum ReturnedHead {
    private static let withheldWhenPaid = FieldSet.withheldFromDownstream.union(FieldSet(.cacheControl))

    /// The head without framing, connection fields and empty line, as `ServerStream.writeHead` takes it.
    ///
    /// - Parameters:
    ///   - isPriced: Browsers may read the payment fields of this answer.
    ///   - isPaid: Shared caches may not keep it.
    ///   - policy: What else clients do not get.
    ///   - empty: The storage to write into.
    ///   - additions: Appends further field lines.
    static func build(
        _ head: ResponseHead, isPriced: Bool, isPaid: Bool, policy: ReturnPolicy = .asItCame,
        in empty: consuming ByteBuffer,
        additions: (inout ByteBuffer) -> Void
    ) -> ByteBuffer {
        var buffer = consume empty
        buffer.reserveCapacity(head.bytes.readableBytes + (isPriced ? 768 : 128))
        var start = 0
        if head.isHTTP10 {
            start = head.fields.first?.line.lowerBound ?? 0
            writeStatusLine(head, to: &buffer)
        }
        if start > 0 || !head.isHTTP10 {
            var withheld = (isPaid ? withheldWhenPaid : .withheldFromDownstream).union(policy.scrubbed)
            let rewrites = policy.rewritesLocation && head.has(.location) && !policy.scrubbed.contains(.location)
            if rewrites { withheld = withheld.union(FieldSet(.location)) }
            KeptRuns.append(of: head, from: start, withheld: withheld, policy: policy, to: &buffer)
            if rewrites { policy.writeLocations(of: head, to: &buffer) }
        }
        guard isPriced else { return buffer }
        buffer.writeStaticString("access-control-expose-headers: ")
        buffer.writeStaticString(exposedFields)
        buffer.writeStaticString("\r\n")
        guard isPaid else { return buffer }
        CacheControl.appendPaid(of: head, to: &buffer)
        buffer.writeStaticString("vary: PAYMENT-SIGNATURE, X-PAYMENT\r\n")
        additions(&buffer)
        return buffer
    }

    /// What browsers may read of our answers, beside what the upstream exposes.
    static let exposedFields: StaticString =
        "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Payment-Required, Payment-Grant"

    /// A 1xx head, whole.
    static func informational(_ head: ResponseHead, policy: ReturnPolicy = .asItCame) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: head.bytes.readableBytes)
        let withheld = FieldSet.withheldFromDownstream.union(policy.scrubbed)
        KeptRuns.append(of: head, from: 0, withheld: withheld, policy: policy, to: &buffer)
        buffer.writeStaticString("\r\n")
        return buffer
    }

    private static func writeStatusLine(_ head: ResponseHead, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeDecimal(UInt64(head.status))
        buffer.writeStaticString(" ")
        head.withBytes { bytes in
            buffer.append(UnsafeRawBufferPointer(rebasing: bytes[head.reason]))
        }
        buffer.writeStaticString("\r\n")
    }
}
