import Primitives

extension Receipt {
    /// The field line that tells the payer, with its line end.
    ///
    /// `PAYMENT-RESPONSE` for version 2, `X-PAYMENT-RESPONSE` for the other forms.
    package func headerLine(form: PaymentForm) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: headerLineBound(form: form)) { buffer, count in
            count = writeHeaderLine(form: form, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// The most bytes that `writeHeaderLine` writes.
    package func headerLineBound(form: PaymentForm) -> Int {
        Self.lineStart(form).utf8CodeUnitCount + Base64.encodedCount(jsonBound) + 2
    }

    /// Writes the field line and returns its length; needs `headerLineBound` of room.
    package func writeHeaderLine(form: PaymentForm, into memory: UnsafeMutableRawBufferPointer) -> Int {
        var sink = ByteSink(memory)
        sink.put(Self.lineStart(form))
        withUnsafeTemporaryAllocation(byteCount: jsonBound, alignment: 1) { json in
            let count = writeJSON(form: form, into: json)
            sink.put(base64: UnsafeRawBufferPointer(rebasing: json[..<count]))
        }
        sink.put("\r\n")
        return sink.count
    }

    /// Reads a header's value: base64 of either alphabet around the JSON that `parse(json:)` takes.
    package static func parse(header: String, fallback: Network? = nil) throws(WireError) -> Receipt {
        guard header.utf8.count <= PaymentReader.maxHeaderBytes else { throw WireError(.tooLarge) }
        guard let bytes = Base64.decode(header) else { throw WireError(.notBase64) }
        return try bytes.withUnsafeBufferPointer { (bytes) throws(WireError) -> Receipt in
            try parse(json: UnsafeRawBufferPointer(bytes), fallback: fallback)
        }
    }

    private static func lineStart(_ form: PaymentForm) -> StaticString {
        form == .v2 ? "PAYMENT-RESPONSE: " : "X-PAYMENT-RESPONSE: "
    }
}
