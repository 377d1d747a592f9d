/// A part of a request that price rules look at.
package enum PriceField: Hashable, Sendable {
    /// A header field, in lower case.
    case header(String)
    case query(String)
    /// A parameter of the route's path, without the colon.
    case path(String)
    /// A value of the JSON body; the names and indices that lead to it.
    case body([String])

    /// Whether the request's head does not tell it.
    package var isInBody: Bool { if case .body = self { true } else { false } }
}

extension PriceField: CustomStringConvertible {
    /// As a route file spells it: `header.x-tier`, `body.messages.0.role`.
    package var description: String {
        switch self {
        case .header(let name): "header.\(name)"
        case .query(let name): "query.\(name)"
        case .path(let name): "path.\(name)"
        case .body(let path): (["body"] + path).joined(separator: ".")
        }
    }
}

/// What a request says in one field.
package enum FieldReading: Hashable, Sendable {
    case absent
    case text(FieldText)
    /// A number of a JSON body, as it is spelled.
    case number(String)
    case bool(Bool)
    /// An object or an array.
    case structure
    /// Some servers would read another value, or none.
    case doubtful(FieldDoubt)

    package static func text(_ value: String) -> FieldReading { .text(FieldText(value)) }
}

/// A text, and what servers of other habits would read in its place.
package struct FieldText: Hashable, Sendable {
    package var value: String
    package var otherReadings: [String]
    /// Without what looks like a suffix; where a rule spells a suffix out, these mean nothing.
    package var stems: [String]

    package init(_ value: String, otherReadings: [String] = [], stems: [String] = []) {
        self.value = value
        self.otherReadings = otherReadings
        self.stems = stems
    }
}

/// Why a field cannot be priced by: another reader may read it otherwise.
package enum FieldDoubt: String, Hashable, Sendable, CaseIterable {
    case repeated
    case otherName
    case otherSpelling
    case notANumber
    case notABool
    case structure
    case tooLong
    case badEncoding
    case unknownMethod

    /// What is wrong and what to do, behind the field's name.
    package var message: StaticString {
        switch self {
        case .repeated: "is there more than once"
        case .otherName: "is there under another spelling of its name"
        case .otherSpelling: "has a value that is spelled another way than the price list spells it"
        case .notANumber: "is not a number"
        case .notABool: "is neither true nor false"
        case .structure: "is an object or a list where a single value is expected"
        case .tooLong: "is too long"
        case .badEncoding: "is not encoded as UTF-8, or has a broken percent-encoding"
        case .unknownMethod: "is not known here"
        }
    }
}
