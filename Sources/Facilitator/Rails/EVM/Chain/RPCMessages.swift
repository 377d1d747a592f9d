package import X402

/// One call of Ethereum's JSON-RPC.
package struct RPCRequest: Hashable, Sendable {
    package var method: String
    package var params: [JSONValue]
    /// Whether a refusal is passed on whatever it says: for methods that not every node has.
    package var passesRefusals: Bool

    package init(_ method: String, _ params: [JSONValue] = [], passesRefusals: Bool = false) {
        self.method = method
        self.params = params
        self.passesRefusals = passesRefusals
    }

    /// Whether the call changes anything.
    package var acts: Bool { method == "eth_sendRawTransaction" }
}

/// What a node said to one call.
package enum RPCResult: Hashable, Sendable {
    /// The `result`, null included.
    case value(JSONValue)
    /// The `error`.
    case refused(RPCRefusal)
}

/// The `error` of a JSON-RPC answer (JSON-RPC 2.0 §5.1).
package struct RPCRefusal: Hashable, Sendable {
    package var code: Int
    package var message: String
    /// What a reverted call returned, where the node passes it on.
    package var data: [UInt8]?
    /// Whether a node asked before this one may have acted upon the call, so that this refusal proves nothing.
    package var mayHaveActed: Bool

    package init(code: Int, message: String, data: [UInt8]? = nil, mayHaveActed: Bool = false) {
        self.code = code
        self.message = message
        self.data = data
        self.mayHaveActed = mayHaveActed
    }
}
