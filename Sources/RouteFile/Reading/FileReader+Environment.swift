import Facilitator

extension FileReader {
    /// The value of the variable that a key names; nil when the key is left out, or after a mistake.
    func secret(_ section: Section, _ key: String) -> Secret? {
        guard let name = section.read(key, ValueKind.text) else { return nil }
        // A secret pasted here must not be repeated in a mistake.
        guard Self.isVariableName(name.value) else {
            log.add(name.place, "is not the name of an environment variable such as \"BRIDGE_API_KEY\"")
            return nil
        }
        guard let value = environment[name.value], !value.isEmpty else {
            let nearest = NearestName.of(name.value, among: environment.keys)
            log.add(name.place, "the environment variable \(name.value) is not set", suggestion: nearest)
            return nil
        }
        guard let secret = Secret(value) else {
            log.add(
                name.place,
                "the environment variable \(name.value) has a space or a character beyond ASCII in its value")
            return nil
        }
        return secret
    }

    private static func isVariableName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64, first &- UInt8(ascii: "0") >= 10 else { return false }
        return text.utf8.allSatisfy { byte in
            byte &- UInt8(ascii: "A") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "_")
        }
    }
}
