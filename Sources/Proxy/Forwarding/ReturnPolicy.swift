import NIOCore
import Transport

/// What clients do not get of an upstream's head as it came (`scrub`, `rewrite_location`).
package struct ReturnPolicy: Sendable {
    /// Known fields that are dropped.
    let scrubbed: FieldSet
    /// Other fields that are dropped, in lower case.
    let scrubbedNames: [[UInt8]]
    /// Origins of the upstream, in lower case, that `Location` must not show.
    private let ownOrigins: [[UInt8]]
    private let publicOrigin: [UInt8]

    package static let asItCame = ReturnPolicy()

    /// - Parameters:
    ///   - scrub: Names of fields, in any case.
    ///   - ownOrigins: `scheme://host` or `scheme://host:port`, each without a slash at its end.
    ///   - publicOrigin: What stands for them.
    package init(scrub: [String] = [], ownOrigins: [String] = [], publicOrigin: String = "") {
        let names = scrub.map { $0.lowercased() }
        scrubbed = names.map(KnownField.named).filter { $0 != .other }
            .reduce(FieldSet.none) { $0.union(FieldSet($1)) }
        scrubbedNames = names.filter { KnownField.named($0) == .other }.map { Array($0.utf8) }
        self.ownOrigins = ownOrigins.map { Array($0.lowercased().utf8) }
        self.publicOrigin = Array(publicOrigin.utf8)
    }

    var rewritesLocation: Bool { !ownOrigins.isEmpty }

    /// Whether a field that is not a known one is dropped.
    func drops(_ name: UnsafeRawBufferPointer) -> Bool {
        scrubbedNames.contains { dropped in
            dropped.withUnsafeBytes { TokenList.equal($0, name) }
        }
    }

    /// Appends the `Location` lines of a head, the upstream's own origin replaced.
    ///
    /// Whole origins are compared: what only begins like one is another's. What is written is absolute again, so that no
    /// path can be taken for another host.
    func writeLocations(of head: ResponseHead, to buffer: inout ByteBuffer) {
        head.withBytes { bytes in
            for field in head.fields where field.known == .location {
                let value = UnsafeRawBufferPointer(rebasing: bytes[field.value])
                buffer.writeStaticString("location: ")
                if let length = ownOriginLength(value) {
                    buffer.writeBytes(publicOrigin)
                    buffer.writeBytes(UnsafeRawBufferPointer(rebasing: value[length...]))
                } else {
                    buffer.writeBytes(value)
                }
                buffer.writeStaticString("\r\n")
            }
        }
    }

    private func ownOriginLength(_ value: UnsafeRawBufferPointer) -> Int? {
        for origin in ownOrigins where value.count >= origin.count {
            let isSame = origin.withUnsafeBytes {
                TokenList.equal($0, UnsafeRawBufferPointer(rebasing: value[..<origin.count]))
            }
            guard isSame else { continue }
            if value.count == origin.count { return origin.count }
            switch value[origin.count] {
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return origin.count
            default: continue
            }
        }
        return nil
    }
}
