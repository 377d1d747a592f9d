/// What is known of one key of the file.
package struct KeySpec: Sendable {
    /// What becomes of the key in this version.
    package enum Availability: Hashable, Sendable {
        case now
        /// Part of the format, of a feature that this version does not have.
        case later
        /// A secret that does not belong in a file; the key that names its variable.
        case secret(instead: String)
    }

    package let name: String
    /// The value of a file without the key, as TOML; nil where the key is required, inherited or off.
    package let defaultLiteral: String?
    package let availability: Availability

    static func key(_ name: String, _ defaultLiteral: String? = nil) -> KeySpec {
        KeySpec(name: name, defaultLiteral: defaultLiteral, availability: .now)
    }

    static func later(_ name: String) -> KeySpec {
        KeySpec(name: name, defaultLiteral: nil, availability: .later)
    }

    static func secret(_ name: String, instead: String) -> KeySpec {
        KeySpec(name: name, defaultLiteral: nil, availability: .secret(instead: instead))
    }
}
