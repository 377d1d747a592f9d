/// A value of the file with its place.
struct DocumentNode {
    /// What TOML knows, as far as a route file uses it.
    enum Value {
        case string(String)
        case integer(Int)
        case bool(Bool)
        case array([DocumentNode])
        case table([String: DocumentNode])
        /// A float, a date or a time; no key takes one.
        case other(String)
    }

    var value: Value
    var place: Place

    /// The kind of value, with its article.
    var kind: String {
        switch value {
        case .string: "a string"
        case .integer: "an integer"
        case .bool: "a boolean"
        case .array: "an array"
        case .table: "a table"
        case .other(let name): "a \(name)"
        }
    }
}
