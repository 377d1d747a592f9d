import Primitives
package import X402

/// One HTTP exchange of JSON-RPC 2.0: the body that asks, and the reading of the body that answers.
package struct RPCExchange: Sendable {
    package let calls: [RPCRequest]

    package init(calls: [RPCRequest]) {
        self.calls = calls
    }

    /// Whether a call of it changes anything.
    var acts: Bool { calls.contains(where: \.acts) }

    /// What a body said.
    package enum Reading: Hashable, Sendable {
        /// An answer to every call, in their order; refusals are about the call.
        case answered([RPCResult])
        /// A refusal that is about the node, and the call it was given to.
        case refused(RefusalStanding, method: String)
        /// No answer to the calls.
        case unreadable
    }

    /// A single call as an object, several as an array; ids count from one.
    func body() -> [UInt8] {
        let messages = calls.enumerated().map { index, call in
            JSONValue.object([
                JSONMember("jsonrpc", .string("2.0")), JSONMember("id", .number(String(index + 1))),
                JSONMember("method", .string(call.method)), JSONMember("params", .array(call.params)),
            ])
        }
        return (messages.count == 1 ? messages[0] : .array(messages)).encoded()
    }

    /// Reads an answer: one to each call, each once, in any order.
    package func read(_ body: [UInt8], limits: JSONLimits) -> Reading {
        guard let json = try? JSONValue.parse(body, limits: limits) else { return .unreadable }
        let messages: [JSONValue]
        switch json {
        case .array(let elements): messages = elements
        case .object: messages = [json]
        default: return .unreadable
        }
        // One refusal without an id, or in the place of a list, is for all calls.
        if case .object = json, case .refused(let refusal)? = Self.result(of: json), calls.count > 1 || json.id == nil {
            let standing = refusal.standing(for: calls[0])
            return .refused(standing == .verdict ? .fault : standing, method: calls[0].method)
        }
        var results = [RPCResult?](repeating: nil, count: calls.count)
        for message in messages {
            guard let id = message.id, calls.indices.contains(id - 1), results[id - 1] == nil,
                let result = Self.result(of: message)
            else { return .unreadable }
            results[id - 1] = result
        }
        var complete: [RPCResult] = []
        for (call, result) in zip(calls, results) {
            guard let result else { return .unreadable }
            if case .refused(let refusal) = result {
                let standing = refusal.standing(for: call)
                guard standing == .verdict else { return .refused(standing, method: call.method) }
            }
            complete.append(result)
        }
        return .answered(complete)
    }

    /// The result or the error of one message; exactly one of them is there (JSON-RPC 2.0 §5).
    private static func result(of message: JSONValue) -> RPCResult? {
        switch (message["result"], message["error"]) {
        case (let value?, nil), (let value?, .null): return .value(value)
        case (nil, let error?), (.null, let error?): return RPCRefusal(json: error).map { .refused($0) }
        default: return nil
        }
    }
}

extension JSONValue {
    /// The id of a message of ours.
    fileprivate var id: Int? {
        guard case .number(let digits)? = self["id"] else { return nil }
        return Int(digits)
    }
}

extension RPCRefusal {
    /// Reads an `error`; the data of a revert stands in it as text, after a word of some nodes, or one level deeper.
    init?(json: JSONValue) {
        guard case .number(let digits)? = json["code"], let code = Int(digits), let message = json["message"]?.string
        else { return nil }
        let text = json["data"]?.string ?? json["data"]?["data"]?.string
        let data = text.flatMap { text -> [UInt8]? in
            let digits = text.hasPrefix("Reverted ") ? String(text.dropFirst(9)) : text
            return digits.hasPrefix("0x") ? Hex.decode(digits) : nil
        }
        self.init(code: code, message: message, data: data)
    }
}
