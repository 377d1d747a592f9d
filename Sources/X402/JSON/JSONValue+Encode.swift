extension JSONValue {
    /// The text in ASCII, without white space, members in their order.
    package func encoded() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: encodedBound) { buffer, count in
            var sink = ByteSink(UnsafeMutableRawBufferPointer(buffer))
            sink.put(json: self)
            count = sink.count
        }
    }

    /// The most bytes that the text can take.
    var encodedBound: Int {
        switch self {
        case .null, .bool: 5
        case .number(let text): text.utf8.count
        case .string(let text): ByteSink.stringBound(text)
        case .array(let elements): elements.reduce(2) { $0 + $1.encodedBound + 1 }
        case .object(let members):
            members.reduce(2) { $0 + ByteSink.stringBound($1.key) + $1.value.encodedBound + 2 }
        }
    }
}
