/// A method name of at most 16 bytes as one comparable value.
struct MethodCode: Hashable {
    let value: UInt128

    static let get = MethodCode("GET")
    static let head = MethodCode("HEAD")

    /// Zero, which no pattern has, for an empty or a longer name.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        var value: UInt128 = 0
        if bytes.count <= RoutePattern.maximumMethodCount {
            for byte in bytes { value = value << 8 | UInt128(byte) }
        }
        self.value = value
    }

    init(_ name: String) {
        self = Array(name.utf8).withUnsafeBytes { MethodCode($0) }
    }
}

/// The routes of one shape, told apart by method.
struct MethodGroup {
    private(set) var named: [(code: MethodCode, route: Int)] = []
    private(set) var any: Int?
    /// The value of `Allow`.
    private(set) var allow = ""
    private var names: [String] = []
    /// Whether the shape's last segment is spelled out, so that a suffix in it is meant.
    let endsInLiteral: Bool

    init(endsInLiteral: Bool) { self.endsInLiteral = endsInLiteral }

    /// The route that already has one of the methods, when there is one: then nothing is added.
    mutating func add(_ route: Int, methods: [String]?) -> Int? {
        guard let methods else {
            if let any { return any }
            any = route
            return nil
        }
        let codes = methods.map { MethodCode($0) }
        if let taken = named.first(where: { codes.contains($0.code) }) { return taken.route }
        named.append(contentsOf: codes.map { ($0, route) })
        names.append(contentsOf: methods)
        let addsHead = names.contains("GET") && !names.contains("HEAD")
        allow = (addsHead ? names + ["HEAD"] : names).joined(separator: ", ")
        return nil
    }

    /// A named method before any; HEAD is priced as GET unless it is named (RFC 9110 §9.3.2).
    @inline(__always)
    func route(for method: MethodCode, isHead: Bool) -> Int? {
        for entry in named where entry.code == method { return entry.route }
        if isHead { for entry in named where entry.code == .get { return entry.route } }
        return any
    }
}
