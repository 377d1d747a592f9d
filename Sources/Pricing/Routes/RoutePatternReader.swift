/// The parts of a pattern's text.
enum RoutePatternReader {
    static func methods(_ text: Substring) throws(RoutePatternError) -> [String] {
        var methods: [String] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let method = String(word)
            let isToken = method.utf8.allSatisfy { byte in
                byte &- UInt8(ascii: "A") < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
            guard isToken, (1...RoutePattern.maximumMethodCount).contains(method.utf8.count), method != "CONNECT" else {
                throw .badMethod(method)
            }
            if methods.contains(method) { throw .duplicateMethod(method) }
            methods.append(method)
        }
        return methods
    }

    static func host(_ text: String) throws(RoutePatternError) -> String {
        let lower = text.lowercased()
        let isPlain = Array(lower.utf8).withUnsafeBytes { bytes in
            CanonicalHost(bytes).map { $0.isCanonical && $0.port == nil } ?? false
        }
        guard isPlain else { throw .badHost(text) }
        return lower
    }

    static func segments(_ path: Substring) throws(RoutePatternError) -> [RoutePattern.Segment] {
        if path.utf8.contains(UInt8(ascii: "?")) { throw .query }
        let written = encodeNonASCII(path)
        let outcome = written.withUnsafeBytes { target in
            Canonicaliser().canonicalise(
                method: UnsafeRawBufferPointer(start: nil, count: 0), target: target, host: nil)
        }
        switch outcome {
        case .refused(let refusal): throw .badPath(refusal)
        case .target(let target) where target.doubts.contains(.pathParameter): throw .badPath(.pathParameter)
        case .target: break
        }
        var segments: [RoutePattern.Segment] = []
        var names: Set<String> = []
        for part in written.dropFirst().split(separator: UInt8(ascii: "/")) {
            let segment = try segment(part)
            if case .parameter(let name) = segment, !names.insert(name).inserted { throw .duplicateParameter(name) }
            segments.append(segment)
        }
        return segments
    }

    private static func segment(_ part: ArraySlice<UInt8>) throws(RoutePatternError) -> RoutePattern.Segment {
        let text = String(decoding: part, as: UTF8.self)
        if part.first == UInt8(ascii: ":") {
            let name = text.dropFirst()
            let isName = name.utf8.allSatisfy {
                PercentByte.isUnreserved($0) && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "~")
            }
            guard isName, !name.isEmpty else { throw .badParameterName(String(name)) }
            return .parameter(String(name))
        }
        if text == "*" { return .wildcard }
        if part.contains(UInt8(ascii: "*")) { throw .partialWildcard(text) }
        return .literal(decoded(part))
    }

    private static func decoded(_ part: ArraySlice<UInt8>) -> [UInt8] {
        part.withUnsafeBytes { bytes in
            var decoded: [UInt8] = []
            var index = 0
            while index < bytes.count {
                if bytes[index] == UInt8(ascii: "%"), let byte = PercentByte.decode(bytes, at: index) {
                    decoded.append(byte)
                    index += 3
                } else {
                    decoded.append(bytes[index])
                    index += 1
                }
            }
            return decoded
        }
    }

    private static func encodeNonASCII(_ path: Substring) -> [UInt8] {
        path.utf8.flatMap { $0 < 0x80 ? [$0] : percent($0) }
    }

    /// The bytes of a segment as a canonical target spells them.
    static func encoded(_ bytes: [UInt8]) -> String {
        let spelled = bytes.flatMap { byte in
            PathByte.isPlain(byte) && byte != UInt8(ascii: "*") || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "+")
                ? [byte] : percent(byte)
        }
        let text = String(decoding: spelled, as: UTF8.self)
        return text.hasPrefix(":") ? "%3A" + text.dropFirst() : text
    }

    private static func percent(_ byte: UInt8) -> [UInt8] {
        let digits: StaticString = "0123456789ABCDEF"
        return [UInt8(ascii: "%"), digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]]
    }
}
