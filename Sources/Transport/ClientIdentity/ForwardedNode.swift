/// Who a proxy says its client is: a `node` of RFC 7239 §6, or an element of `X-Forwarded-For`.
enum ForwardedNode: Equatable {
    case address(IPAddress)
    /// `unknown`, or a name that only the proxy understands.
    case hidden

    /// Reads a node with or without a port; nil for what is none.
    ///
    /// - Parameter isBracketed: Whether IPv6 must stand in brackets, as in `Forwarded`.
    init?(_ text: UnsafeRawBufferPointer, isBracketed: Bool) {
        guard let first = text.first else { return nil }
        if first == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")),
                let address = Self.address(text[1..<close]), text[1..<close].contains(UInt8(ascii: ":")),
                Self.isPort(text[(close + 1)...])
            else { return nil }
            self = .address(address)
            return
        }
        if !isBracketed, let address = Self.address(text[...]) {
            self = .address(address)
            return
        }
        let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        guard Self.isPort(text[end...]) else { return nil }
        let name = text[..<end]
        if Self.isHidden(name) {
            self = .hidden
        } else if let address = Self.address(name) {
            self = .address(address)
        } else {
            return nil
        }
    }

    private static func address(_ text: Slice<UnsafeRawBufferPointer>) -> IPAddress? {
        IPAddress(text: UnsafeRawBufferPointer(rebasing: text))
    }

    /// Nothing, or a colon and a port: up to five digits, or an underscore and a name.
    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let colon = text.first else { return true }
        let port = text.dropFirst()
        guard colon == UInt8(ascii: ":"), !port.isEmpty else { return false }
        return isObfuscated(port) || port.count <= 5 && port.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    }

    private static func isHidden(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        isObfuscated(name) || ASCIIText.equals(name, "unknown")
    }

    private static func isObfuscated(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard name.count > 1, name.first == UInt8(ascii: "_") else { return false }
        return name.dropFirst().allSatisfy { byte in
            (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }
}

/// Comparison of bytes with a word, letter case aside.
enum ASCIIText {
    static func equals(_ text: some Collection<UInt8>, _ word: StaticString) -> Bool {
        guard text.count == word.utf8CodeUnitCount else { return false }
        return zip(text, UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
            .allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }
}
