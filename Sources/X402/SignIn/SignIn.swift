import Primitives

/// A sign-in by the key of a payer: the header `SIGN-IN-WITH-X` of the extension `sign-in-with-x`, as it came.
///
/// The signed text is that of EIP-4361. Only what we ask for can be signed: every field must be ours again
/// (`SignInRequest.refusal`), so that none needs to be understood.
package struct SignIn: Hashable, Sendable {
    /// Most bytes of the header's value.
    package static let maxHeaderBytes = 8 * 1024

    package var domain: String
    package var address: String
    package var statement: String?
    package var uri: String
    package var version: String
    /// CAIP-2.
    package var chainID: String
    package var type: String
    package var nonce: String
    package var issuedAt: String
    package var expirationTime: String?
    package var notBefore: String?
    package var requestID: String?
    package var resources: [String]
    package var signature: String

    /// Reads the header's value: base64 of a JSON object.
    package static func read(_ header: UnsafeRawBufferPointer) throws(WireError) -> SignIn {
        guard header.count <= maxHeaderBytes else { throw WireError(.tooLarge, at: maxHeaderBytes) }
        var bytes = [UInt8](repeating: 0, count: header.count)
        guard let count = bytes.withUnsafeMutableBytes({ Base64.decode(header, into: $0) }) else {
            throw WireError(.notBase64)
        }
        bytes.removeLast(bytes.count - count)
        let json = try JSONValue.parse(bytes, limits: JSONLimits(maxDepth: 4, maxBytes: maxHeaderBytes))
        return try SignIn(json)
    }

    private init(_ json: JSONValue) throws(WireError) {
        domain = try json.requiredString("domain")
        address = try json.requiredString("address")
        statement = try json.optionalString("statement")
        uri = try json.requiredString("uri")
        version = try json.requiredString("version")
        chainID = try json.requiredString("chainId")
        type = try json.requiredString("type")
        nonce = try json.requiredString("nonce")
        issuedAt = try json.requiredString("issuedAt")
        expirationTime = try json.optionalString("expirationTime")
        notBefore = try json.optionalString("notBefore")
        requestID = try json.optionalString("requestId")
        var resources: [String] = []
        for element in try json.optionalArray("resources") {
            guard case .string(let text) = element else { throw WireError(.wrongType) }
            resources.append(text)
        }
        self.resources = resources
        signature = try json.requiredString("signature")
    }
}
