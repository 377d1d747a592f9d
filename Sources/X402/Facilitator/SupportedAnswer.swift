/// The answer of `/supported`.
package struct SupportedAnswer: Hashable, Sendable {
    /// One thing that is served.
    package struct Kind: Hashable, Sendable {
        package var x402Version: Int
        package var scheme: String
        /// A version 1 name in version 1; CAIP-2 or a pattern of it in version 2.
        package var network: String
        package var extra: [JSONMember]

        package init(x402Version: Int, scheme: String, network: String, extra: [JSONMember] = []) {
            self.x402Version = x402Version
            self.scheme = scheme
            self.network = network
            self.extra = extra
        }
    }

    /// Who settles on the networks of a pattern such as `eip155:*`.
    package struct Signers: Hashable, Sendable {
        package var pattern: String
        package var signers: [String]

        package init(pattern: String, signers: [String]) {
            self.pattern = pattern
            self.signers = signers
        }
    }

    package var kinds: [Kind]
    package var extensions: [String]
    package var signers: [Signers]

    package init(kinds: [Kind], extensions: [String] = [], signers: [Signers] = []) {
        self.kinds = kinds
        self.extensions = extensions
        self.signers = signers
    }

    /// The JSON.
    package func encoded() -> [UInt8] {
        JSONValue.object([
            JSONMember("kinds", .array(kinds.map(\.json))),
            JSONMember("extensions", .array(extensions.map(JSONValue.string))),
            JSONMember(
                "signers",
                .object(signers.map { JSONMember($0.pattern, .array($0.signers.map(JSONValue.string))) })),
        ]).encoded()
    }

    /// Reads an answer strictly; answers from version 1 days have `kinds` alone.
    package static func parse(_ body: UnsafeRawBufferPointer) throws(WireError) -> SupportedAnswer {
        let json = try JSONValue.parse(body)
        guard case .array(let entries)? = json["kinds"] else { throw WireError(.missingField) }
        var answer = SupportedAnswer(kinds: [])
        for entry in entries { answer.kinds.append(try Kind(entry)) }
        answer.extensions = try strings(json.optionalArray("extensions"))
        for member in try json.optionalObject("signers") {
            guard case .array(let names) = member.value else { throw WireError(.wrongType) }
            answer.signers.append(Signers(pattern: member.key, signers: try strings(names)))
        }
        return answer
    }

    private static func strings(_ values: [JSONValue]) throws(WireError) -> [String] {
        var strings: [String] = []
        for value in values {
            guard let text = value.string else { throw WireError(.wrongType) }
            strings.append(text)
        }
        return strings
    }
}

extension SupportedAnswer.Kind {
    fileprivate init(_ entry: JSONValue) throws(WireError) {
        self.init(
            x402Version: try entry.requiredInteger("x402Version"), scheme: try entry.requiredString("scheme"),
            network: try entry.requiredString("network"), extra: try entry.optionalObject("extra"))
    }

    fileprivate var json: JSONValue {
        var members = [
            JSONMember("x402Version", .number(String(x402Version))), JSONMember("scheme", .string(scheme)),
            JSONMember("network", .string(network)),
        ]
        if !extra.isEmpty { members.append(JSONMember("extra", .object(extra))) }
        return .object(members)
    }
}
