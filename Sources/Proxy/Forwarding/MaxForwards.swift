import Transport

extension RequestHead {
    /// How many intermediaries may still pass this OPTIONS on (RFC 9110 §7.6.2).
    ///
    /// Nil for every other method, TRACE being answered here anyway, and for a value that is no number.
    var maxForwards: UInt64? {
        guard method == .options, let field = first(.maxForwards), !field.value.isEmpty else { return nil }
        return withBytes { bytes in
            var hops: UInt64 = 0
            for byte in bytes[field.value] {
                let digit = byte &- UInt8(ascii: "0")
                guard digit <= 9 else { return nil }
                hops = min(hops * 10 + UInt64(digit), 1_000_000)
            }
            return hops
        }
    }
}
