/// Bytes from the wire that are not the message they should be.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong; closed, so that counters by code stay bounded.
    package enum Code: UInt8, Hashable, Sendable {
        case syntax, duplicateKey, tooDeep, tooManyMembers, tooLarge, badText
        case notBase64, missingField, wrongType, badValue, noOffers
    }

    package var code: Code
    /// Offset of the offending byte, where one can be named.
    package var at: Int?

    package init(_ code: Code, at: Int? = nil) {
        self.code = code
        self.at = at
    }

    /// Constant text for people; no values in it.
    package var message: String {
        switch code {
        case .syntax: "not JSON (RFC 8259)"
        case .duplicateKey: "a name occurs twice in one object"
        case .tooDeep: "nested too deep"
        case .tooManyMembers: "too many object members"
        case .tooLarge: "too large"
        case .badText: "text is not UTF-8 or holds a lone surrogate"
        case .notBase64: "not base64"
        case .missingField: "a required field is missing"
        case .wrongType: "a field has another type"
        case .badValue: "a field's value is out of range"
        case .noOffers: "no payment requirements in it"
        }
    }

    package var description: String { at.map { "\(message) (byte \($0))" } ?? message }
}
