extension JSONValue {
    /// Parses a whole text strictly: RFC 8259, no name twice in one object, UTF-8 and limits checked.
    package static func parse(
        _ text: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
    ) throws(WireError) -> JSONValue {
        guard text.count <= limits.maxBytes else { throw WireError(.tooLarge, at: limits.maxBytes) }
        let scratch = JSONScratch(capacity: text.count, maxOpenMembers: limits.maxOpenMembers)
        return try withExtendedLifetime(scratch) { () throws(WireError) -> JSONValue in
            var scanner = scratch.scanner(copying: text, maxDepth: limits.maxDepth)
            scanner.skipWhitespace()
            let value = try scanner.value()
            try scanner.finish()
            return value
        }
    }

    /// Parses a whole text strictly.
    package static func parse(_ text: [UInt8], limits: JSONLimits = JSONLimits()) throws(WireError) -> JSONValue {
        try text.withUnsafeBufferPointer { (bytes) throws(WireError) -> JSONValue in
            try parse(UnsafeRawBufferPointer(bytes), limits: limits)
        }
    }
}
