/// Calls that give one value together, with the reader of their results.
package struct RPCCall<Value: Sendable>: Sendable {
    package let requests: [RPCRequest]
    private let decode: @Sendable (ArraySlice<RPCResult>) throws(ChainError) -> Value

    init(
        _ requests: [RPCRequest],
        decode: @escaping @Sendable (ArraySlice<RPCResult>) throws(ChainError) -> Value
    ) {
        self.requests = requests
        self.decode = decode
    }

    /// One call whose result must be a value.
    init(
        _ request: RPCRequest, _ decode: @escaping @Sendable (ChainValue) throws(ChainError) -> Value
    ) {
        self.init(request) { (result: RPCResult) throws(ChainError) -> Value in
            switch result {
            case .value(let value): return try decode(ChainValue(value))
            case .refused: throw ChainError(.unavailable, "the node refuses a call that every node knows")
            }
        }
    }

    /// One call that may be refused.
    init(
        _ request: RPCRequest, _ decode: @escaping @Sendable (RPCResult) throws(ChainError) -> Value
    ) {
        self.init([request]) { (results) throws(ChainError) -> Value in
            guard let result = results.first else { throw .malformed("a call was not answered") }
            return try decode(result)
        }
    }

    /// The same calls, whose value is turned into another.
    package func map<Other: Sendable>(
        _ transform: @escaping @Sendable (Value) throws(ChainError) -> Other
    ) -> RPCCall<Other> {
        RPCCall<Other>(requests) { [decode] (results) throws(ChainError) -> Other in
            try transform(try decode(results))
        }
    }

    /// Reads the value from the front of what was answered.
    package func take(from results: inout ArraySlice<RPCResult>) throws(ChainError) -> Value {
        guard results.count >= requests.count else { throw .malformed("a call was not answered") }
        defer { results = results.dropFirst(requests.count) }
        return try decode(results.prefix(requests.count))
    }
}
