import Pricing

/// Canonical targets: stable, free of what servers read differently, and in no reading dearer than priced.
///
/// An input is a target, then perhaps a line feed and the value of `Host`.
enum TargetFuzz {
    /// Costs as classes that are also an order: a reading may not meet a dearer one than ours.
    private static let routes = [
        ("GET /free/*", 0), ("GET /free/gold", 2), ("GET /cheap/*", 1), ("GET /cheap/open", 0), ("GET /dear/:name", 2),
        ("GET /dear/:name/parts/*", 3), ("GET /a%20b/c", 2), ("GET /report", 2), ("GET /%C3%A9", 2), ("/any/*", 1),
    ]
    private static let table = makeTable()

    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        let parts = bytes.split(separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
        let target = UnsafeRawBufferPointer(rebasing: parts[0])
        let host = parts.count > 1 ? Array(parts[1]) : Array("api.example.com".utf8)
        return host.withUnsafeBytes { host in fault(in: target, host: host) }
    }

    private static func fault(in target: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) -> String? {
        guard case .target(let canonical) = canonicalise(target, host) else { return nil }
        let forwarded = canonical.withBytes(of: target) { Array($0[canonical.originForm]) }
        if let fault = shapeFault(forwarded) { return "\(fault): \(text(forwarded))" }
        if let fault = forwarded.withUnsafeBytes({ stabilityFault($0, canonical, host) }) {
            return "\(fault): \(text(forwarded))"
        }
        guard let table else { return "the routes of this target make no table" }
        guard let match = cost(of: canonical, target, host, table), let ours = match else { return nil }
        let path = canonical.withBytes(of: target) { Array($0[canonical.path]) }
        for reading in PathReadings.all(of: path) {
            if let theirs = PathReadings.cost(of: reading, routes: routes), theirs > ours {
                return "priced as \(ours), read as \(theirs): \(text(forwarded)) as \(text(reading))"
            }
        }
        return nil
    }

    private static func canonicalise(
        _ target: UnsafeRawBufferPointer, _ host: UnsafeRawBufferPointer
    ) -> CanonicalOutcome {
        Array("GET".utf8).withUnsafeBytes { Canonicaliser().canonicalise(method: $0, target: target, host: host) }
    }

    /// What no forwarded target may hold, whatever came.
    private static func shapeFault(_ forwarded: [UInt8]) -> String? {
        let path = forwarded.prefix { $0 != UInt8(ascii: "?") }
        if path.first != UInt8(ascii: "/") { return "a path without its slash" }
        if forwarded.contains(where: { $0 <= 0x20 || $0 >= 0x7f }) { return "a byte that no URI has" }
        if forwarded.contains(UInt8(ascii: "#")) { return "a fragment" }
        if path.contains(UInt8(ascii: "\\")) { return "a backslash" }
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.dropLast().contains(where: \.isEmpty) { return "an empty segment" }
        if segments.contains(where: { text(Array($0)) == "." || text(Array($0)) == ".." }) { return "a dot segment" }
        let lower = text(Array(path)).lowercased()
        for escape in ["%2e", "%2f", "%5c", "%00", "%0a", "%0d", "%252e", "%252f", "%255c", "%2500"]
        where lower.contains(escape) {
            return "\(escape) in the path"
        }
        return nil
    }

    /// Canonical once is canonical for ever, and as it stands.
    private static func stabilityFault(
        _ forwarded: UnsafeRawBufferPointer, _ first: CanonicalTarget, _ host: UnsafeRawBufferPointer
    ) -> String? {
        guard case .target(let again) = canonicalise(forwarded, host) else { return "refused the second time" }
        if again.form != .asIs { return "rewritten a second time" }
        if again.doubts != first.doubts { return "other doubts the second time" }
        return again.originForm == 0..<forwarded.count ? nil : "other ranges the second time"
    }

    /// Ours: nil outside when the request goes nowhere.
    private static func cost(
        of canonical: CanonicalTarget, _ target: UnsafeRawBufferPointer, _ host: UnsafeRawBufferPointer,
        _ table: RouteTable
    ) -> Int?? {
        let match = Array("GET".utf8).withUnsafeBytes { method in
            table.match(method: method, canonical: canonical, target: target, host: host)
        }
        guard case .route(let index) = match else { return nil }
        return routes[index].1
    }

    private static func makeTable() -> RouteTable? {
        let entries = routes.compactMap { pattern, cost in
            (try? RoutePattern.parse(pattern)).map {
                RouteTable.Entry($0, cost: cost == 0 ? .free : .priced(class: cost))
            }
        }
        return entries.count == routes.count ? try? RouteTable(entries) : nil
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
