import Primitives

extension Receipt {
    /// Most bytes of a message that we keep or send.
    package static let maxMessageBytes = 256

    /// The JSON of `/settle` answers and receipt headers, in ASCII.
    ///
    /// `form` decides the network's spelling: the version 1 name for version 1, CAIP-2 otherwise.
    package func encoded(form: PaymentForm = .v2) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: jsonBound) { buffer, count in
            count = writeJSON(form: form, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Reads the JSON strictly: `success` a truth value, `transaction` and `network` strings, no field of another type.
    ///
    /// A failed settlement may leave out what it has not: without a network that can be read it gets `fallback`'s.
    package static func parse(
        json text: UnsafeRawBufferPointer, fallback: Network? = nil
    ) throws(WireError) -> Receipt {
        let json = try JSONValue.parse(text)
        let success = try json.requiredBool("success")
        let transaction = try json.optionalString("transaction")
        guard let transaction = transaction ?? (success ? nil : "") else { throw WireError(.missingField) }
        var amount: UInt256?
        if let digits = try json.optionalString("amount") {
            guard let value = UInt256(digits) else { throw WireError(.badValue) }
            amount = value
        }
        let reason = try json.optionalString("errorReason")
        return Receipt(
            success: success, transaction: transaction,
            network: try network(of: json, fallback: success ? nil : fallback),
            payer: try json.optionalString("payer"), reason: reason.map(ReasonCode.init(wire:)),
            message: try json.optionalString("errorMessage").map { $0.clipped(to: maxMessageBytes) }, amount: amount,
            extra: try json.optionalObject("extra"))
    }

    private static func network(of json: JSONValue, fallback: Network?) throws(WireError) -> Network {
        let name = try json.optionalString("network")
        if let name, let network = Network(name) ?? Network.named(v1: name) { return network }
        if let fallback { return fallback }
        throw WireError(name == nil ? .missingField : .badValue)
    }

    /// The most bytes of the JSON.
    var jsonBound: Int {
        let texts = [transaction, network.name, payer ?? "", reason?.rawValue ?? "", message ?? ""]
        let strings = texts.reduce(0) { $0 + ByteSink.stringBound($1) }
        let members = extra.isEmpty ? 0 : JSONValue.object(extra).encodedBound
        return strings + members + UInt256.maximumDecimalCount + Self.frameBytes
    }

    /// More than names, punctuation and a version 1 network name take.
    private static let frameBytes = 192

    func writeJSON(form: PaymentForm, into memory: UnsafeMutableRawBufferPointer) -> Int {
        var sink = ByteSink(memory)
        sink.put(success ? #"{"success":true"# : #"{"success":false"#)
        if let reason {
            sink.put(#","errorReason":"#)
            sink.put(string: reason.rawValue)
        }
        if let message {
            sink.put(#","errorMessage":"#)
            sink.put(string: message)
        }
        sink.put(#","transaction":"#)
        sink.put(string: transaction)
        sink.put(#","network":"#)
        sink.put(string: form == .v1 ? network.v1Name ?? network.name : network.name)
        if let payer {
            sink.put(#","payer":"#)
            sink.put(string: payer)
        }
        if let amount {
            sink.put(#","amount":""#)
            sink.put(decimal: amount)
            sink.put(#"""#)
        }
        if !extra.isEmpty {
            sink.put(#","extra":"#)
            sink.put(json: .object(extra))
        }
        sink.put("}")
        return sink.count
    }
}

extension ReasonCode {
    /// Most bytes of a code that we pass on.
    package static let maxBytes = 128

    /// A code that another server sent: printable ASCII, cut at `maxBytes`; other characters become `?`.
    package init(wire text: String) {
        let bytes = text.utf8.prefix(Self.maxBytes).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        self.init(rawValue: String(decoding: bytes, as: UTF8.self))
    }
}

extension String {
    /// As many whole characters as fit.
    func clipped(to maxBytes: Int) -> String {
        guard utf8.count > maxBytes else { return self }
        var text = ""
        for character in self {
            if text.utf8.count + character.utf8.count > maxBytes { break }
            text.append(character)
        }
        return text
    }
}
