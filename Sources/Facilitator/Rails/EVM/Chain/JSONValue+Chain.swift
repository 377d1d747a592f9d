import Primitives
import X402

extension JSONValue {
    /// An address as a parameter.
    static func address(_ address: Address) -> JSONValue { .string(address.lowercased) }

    /// A hash as a parameter.
    static func hash(_ hash: Bytes32) -> JSONValue { .string(hash.description) }

    /// Bytes as a parameter.
    static func data(_ bytes: [UInt8]) -> JSONValue { .string(Hex.encode(bytes)) }

    /// An integer as a parameter.
    static func quantity(_ value: UInt64) -> JSONValue { .string(UInt256(value).quantity) }
}

extension CallRequest {
    /// The call as a parameter.
    var json: JSONValue {
        var members: [JSONMember] = []
        if let from { members.append(JSONMember("from", .address(from))) }
        if let to { members.append(JSONMember("to", .address(to))) }
        if let gas { members.append(JSONMember("gas", .quantity(gas))) }
        if let value { members.append(JSONMember("value", .string(value.quantity))) }
        members.append(JSONMember("data", .data(data)))
        return .object(members)
    }
}

extension LogFilter {
    /// The filter as a parameter.
    var json: JSONValue {
        let places = topics.map { alternatives -> JSONValue in
            guard let alternatives else { return .null }
            return alternatives.count == 1 ? .hash(alternatives[0]) : .array(alternatives.map { .hash($0) })
        }
        return .object([
            JSONMember("address", .address(address)), JSONMember("topics", .array(places)),
            JSONMember("fromBlock", .quantity(from)), JSONMember("toBlock", .quantity(to)),
        ])
    }
}
