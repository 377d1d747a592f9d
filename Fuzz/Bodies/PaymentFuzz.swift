import Primitives
import X402

/// The payment decoder: what it takes is strict JSON, and means the same when written out and read again.
enum PaymentFuzz {
    static func fault(in header: UnsafeRawBufferPointer) -> String? {
        var reader = PaymentReader()
        let reading = reader.read(header)
        if reader.read(header) != reading { return "read twice, read differently" }
        if reader.read(paymentSignature: header, xPayment: header) != reading { return "one payment twice is not one" }
        guard case .payment(let payment) = reading else { return nil }
        guard let text = text(of: header) else { return "taken, though it is neither JSON nor base64" }
        if (try? JSONValue.parse(text)) == nil { return "taken, though it is not strict JSON" }
        if text.withUnsafeBytes({ Payment.parse(json: $0) }) != reading { return "its JSON reads differently" }
        let again = Array(payment.headerValue().utf8).withUnsafeBytes { reader.read($0) }
        guard case .payment(let second) = again else { return "written out, it is no payment: \(again)" }
        return second == payment ? nil : "written out, it is another payment: \(payment) against \(second)"
    }

    private static func text(of header: UnsafeRawBufferPointer) -> [UInt8]? {
        var bytes = header[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes = bytes.dropFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
        if bytes.first == UInt8(ascii: "{") { return Array(bytes) }
        return Base64.decode(String(decoding: bytes, as: UTF8.self))
    }
}
