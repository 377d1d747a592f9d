import X402

/// Writes a JSON value in one of the many ways that mean the same: order, white space, escapes.
struct JSONScrambler {
    private var generator: SplitMix

    init(seed: UInt64) { generator = SplitMix(state: seed) }

    mutating func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let digits): digits
        case .string(let text): string(text)
        case .array(let elements): "[" + joined(elements.map { element in space() + text(element) + space() }) + "]"
        case .object(let members): object(members)
        }
    }

    private mutating func object(_ members: [JSONMember]) -> String {
        let shuffled = members.shuffled(using: &generator)
        var texts: [String] = []
        for member in shuffled {
            texts.append(space() + string(member.key) + space() + ":" + space() + text(member.value) + space())
        }
        return "{" + joined(texts) + "}"
    }

    private func joined(_ texts: [String]) -> String { texts.joined(separator: ",") }

    private mutating func space() -> String {
        Bool.random(using: &generator) ? "" : ["", " ", "\t", "\r\n", "  "].randomElement(using: &generator) ?? ""
    }

    private mutating func string(_ text: String) -> String {
        let escapes = Int.random(in: 0..<4, using: &generator) == 0
        var written = "\""
        for unit in text.utf16 {
            let mustEscape = unit < 0x20 || unit > 0x7E || unit == 0x22 || unit == 0x5C
            if mustEscape || escapes && Bool.random(using: &generator) {
                let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
                written += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                written.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            }
        }
        return written + "\""
    }
}

/// The generator SplitMix64, for repeatable tests.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
