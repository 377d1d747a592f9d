package import Primitives

extension PaymentRequirements {
    /// One entry of version 2's `accepts`.
    package var v2JSON: JSONValue {
        var members = [
            JSONMember("scheme", .string(scheme)), JSONMember("network", .string(network.name)),
            JSONMember("amount", .string(amount.description)), JSONMember("asset", .string(asset.description)),
            JSONMember("payTo", .string(payTo.description)),
            JSONMember("maxTimeoutSeconds", .number(String(maxTimeoutSeconds))),
        ]
        if let extra = extra.json { members.append(JSONMember("extra", extra)) }
        return .object(members)
    }

    /// One entry of version 1's `accepts`; nil where version 1 has no agreed name for the network.
    package func v1JSON(resource: Resource) -> JSONValue? {
        guard let v1Name = network.v1Name else { return nil }
        var members = [
            JSONMember("scheme", .string(scheme)), JSONMember("network", .string(v1Name)),
            JSONMember("maxAmountRequired", .string(amount.description)),
            JSONMember("resource", .string(resource.url)),
            JSONMember("description", .string(resource.description)),
            JSONMember("mimeType", .string(resource.mimeType)), JSONMember("payTo", .string(payTo.description)),
            JSONMember("maxTimeoutSeconds", .number(String(maxTimeoutSeconds))),
            JSONMember("asset", .string(asset.description)),
        ]
        if let schema = resource.outputSchema { members.append(JSONMember("outputSchema", schema)) }
        if let extra = extra.json { members.append(JSONMember("extra", extra)) }
        return .object(members)
    }

    /// Reads an entry of version 2's `accepts`.
    package static func parse(v2 entry: JSONValue) throws(WireError) -> PaymentRequirements {
        let name = try entry.requiredString("network")
        guard let network = Network(name) else { throw WireError(.badValue) }
        return try parse(entry, network: network, amount: "amount")
    }

    /// Reads an entry of version 1's `accepts`, which says what is sold too.
    package static func parse(
        v1 entry: JSONValue
    ) throws(WireError) -> (requirements: PaymentRequirements, resource: Resource) {
        let name = try entry.requiredString("network")
        guard let network = Network.named(v1: name) else { throw WireError(.badValue) }
        let resource = Resource(
            url: try entry.requiredString("resource"), description: try entry.optionalString("description") ?? "",
            mimeType: try entry.optionalString("mimeType") ?? "")
        return (try parse(entry, network: network, amount: "maxAmountRequired"), resource)
    }

    /// Whether an ERC-3009 authorization can pay this offer: exact, EVM, no other transfer method or flow asked.
    package var isPayableByTransfer: Bool {
        guard scheme == "exact", network.chainID != nil, asset.address != nil, payTo.address != nil else {
            return false
        }
        return extra.others.allSatisfy { member in
            switch member.key {
            case "assetTransferMethod": member.value == .string("eip3009")
            case "paymentFlow": member.value == .string("authorization") || member.value == .string("upfront")
            default: true
            }
        }
    }

    /// Whether a Permit2 signature can pay this offer: exact where it asks for Permit2, or upto.
    package var isPayableByPermit: Bool {
        guard network.chainID != nil, asset.address != nil, payTo.address != nil else { return false }
        let isAsked = extra.others.contains { $0 == .permitTransfer }
        switch scheme {
        case "exact" where isAsked: break
        case "upto" where isAsked || !extra.others.contains { $0.key == JSONMember.permitTransfer.key }: break
        default: return false
        }
        return extra.others.allSatisfy { $0.key != "paymentFlow" || $0.value == .string("authorization") }
    }

    private static func parse(
        _ entry: JSONValue, network: Network, amount key: String
    ) throws(WireError) -> PaymentRequirements {
        guard let amount = UInt256(try entry.requiredString(key)) else { throw WireError(.badValue) }
        guard let timeout = entry["maxTimeoutSeconds"] else { throw WireError(.missingField) }
        guard case .number(let digits) = timeout else { throw WireError(.wrongType) }
        guard let seconds = UInt256(digits)?.uint64, let seconds = Int(exactly: seconds) else {
            throw WireError(.badValue)
        }
        return PaymentRequirements(
            scheme: try entry.requiredString("scheme"), network: network,
            asset: Account(try entry.requiredString("asset")), amount: amount,
            payTo: Account(try entry.requiredString("payTo")), maxTimeoutSeconds: seconds,
            extra: try OfferExtra(json: entry["extra"]))
    }
}

extension OfferExtra {
    /// The object, nil when it would be empty.
    package var json: JSONValue? {
        var members: [JSONMember] = []
        if let name { members.append(JSONMember("name", .string(name))) }
        if let version { members.append(JSONMember("version", .string(version))) }
        members += others
        return members.isEmpty ? nil : .object(members)
    }

    /// Reads the object; absent and null are the same.
    package init(json: JSONValue?) throws(WireError) {
        self.init()
        switch json {
        case nil, .null: return
        case .object(let members):
            for member in members {
                switch (member.key, member.value) {
                case ("name", .string(let text)): name = text
                case ("version", .string(let text)): version = text
                default: others.append(member)
                }
            }
        default: throw WireError(.wrongType)
        }
    }
}

extension JSONMember {
    /// The member of an offer's `extra` that asks for Permit2.
    package static let permitTransfer = JSONMember("assetTransferMethod", .string("permit2"))

    /// The member that names who settles under scheme upto.
    package static func facilitatorAddress(_ address: Address) -> JSONMember {
        JSONMember("facilitatorAddress", .string(address.checksummed))
    }
}
