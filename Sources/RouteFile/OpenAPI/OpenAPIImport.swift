package import Pricing
import Transport
package import X402

/// Turns an OpenAPI 3 document into an upstream and its routes.
package struct OpenAPIImport {
    package struct Options: Sendable {
        /// The upstream's name in the file.
        package var name: String
        /// Nil takes the document's first server.
        package var upstreamURL: String?
        /// What operations without a price cost; nil refuses them.
        package var price: Price?

        package init(name: String = "api", upstreamURL: String? = nil, price: Price? = nil) {
            self.name = name
            self.upstreamURL = upstreamURL
            self.price = price
        }
    }

    /// Most operations of a document.
    package static let maximumOperations = 5_000
    private static let methods = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]

    private let document: JSONValue
    private let options: Options
    private var prefix = ""
    private var routes: [ImportedRoutes.Route] = []
    /// What is imported already, by shape of the path.
    private var patterns: [String: [RoutePattern]] = [:]
    private var warnings: [String] = []
    private var operations = 0
    private var unpriced = 0

    package static func read(_ document: JSONValue, _ options: Options) throws(ImportFailure) -> ImportedRoutes {
        guard case .object = document else { throw ImportFailure("the document is no OpenAPI document") }
        if document["swagger"] != nil {
            throw ImportFailure("the document is Swagger 2: convert it to OpenAPI 3 first")
        }
        let version = document["openapi"]?.text ?? ""
        guard version.hasPrefix("3.") else { throw ImportFailure("the document is not OpenAPI 3.0 or 3.1") }
        var reader = OpenAPIImport(document, options)
        let url = try reader.readServer()
        try reader.readPaths()
        if reader.unpriced > 0 {
            let many = reader.unpriced == 1 ? "an operation has" : "\(reader.unpriced) operations have"
            throw ImportFailure("\(many) no price: say what they cost with --price, or x-price in the document")
        }
        guard !reader.routes.isEmpty else { throw ImportFailure("the document has no operation that can be a route") }
        return ImportedRoutes(
            upstream: options.name, upstreamURL: url, routes: reader.routes, warnings: reader.warnings)
    }

    private init(_ document: JSONValue, _ options: Options) {
        self.document = document
        self.options = options
    }

    private mutating func warn(_ place: String, _ what: String) { warnings.append("\(place): \(what)") }

    // MARK: Server

    /// The upstream's origin; a path of the server is one that every route begins with.
    private mutating func readServer() throws(ImportFailure) -> String {
        let named = serverURL()
        if let url = options.upstreamURL {
            // Where the API lies below its host is the document's to say, whatever server is asked.
            prefix = named.flatMap { OutgoingURL($0)?.target ?? ($0.hasPrefix("/") ? $0 : nil) } ?? "/"
            return url
        }
        guard let named, let url = OutgoingURL(named) else {
            throw ImportFailure("the document names no server that can be asked: say --upstream URL")
        }
        prefix = url.target
        let host = url.isIPLiteral && url.host.contains(":") ? "[\(url.host)]" : url.host
        return "\(url.scheme.rawValue)://\(host)" + (url.port == url.scheme.defaultPort ? "" : ":\(url.port)")
    }

    /// The first server, its variables filled in.
    private mutating func serverURL() -> String? {
        guard case .array(let servers)? = document["servers"], let first = servers.first,
            var url = first["url"]?.string
        else { return nil }
        if servers.count > 1, options.upstreamURL == nil {
            warn("servers", "there are \(servers.count) servers: the first is taken")
        }
        if case .object(let variables)? = first["variables"] {
            for variable in variables {
                guard let value = variable.value["default"]?.text else { continue }
                url = url.split(separator: "{\(variable.key)}", omittingEmptySubsequences: false)
                    .joined(separator: value)
            }
        }
        return url
    }

    // MARK: Paths

    private mutating func readPaths() throws(ImportFailure) {
        if document["webhooks"] != nil { warn("webhooks", "are calls of the server's own and no routes") }
        guard case .object(let paths)? = document["paths"] else { return }
        for member in paths where !member.key.hasPrefix("x-") {
            guard let item = resolved(member.value) else {
                warn(member.key, "refers to what is not in the document")
                continue
            }
            if item["servers"] != nil { warn(member.key, "has servers of its own, which are not taken") }
            for method in Self.methods {
                guard let operation = item[method], case .object = operation else { continue }
                operations += 1
                guard operations <= Self.maximumOperations else {
                    throw ImportFailure("the document has more than \(Self.maximumOperations) operations")
                }
                read(operation, method, member.key, item)
            }
        }
    }

    private mutating func read(_ operation: JSONValue, _ method: String, _ path: String, _ item: JSONValue) {
        let place = "\(method.uppercased()) \(path)"
        switch method {
        case "trace": return warn(place, "is never forwarded")
        case "options": return warn(place, "is left out: preflights are answered by the paywall")
        case "head" where item["get"] != nil: return
        default: break
        }
        if operation["deprecated"] == .bool(true) { warn(place, "is deprecated") }
        if operation["servers"] != nil { warn(place, "has servers of its own, which are not taken") }
        if operation["callbacks"] != nil { warn(place, "has callbacks, which are no routes") }
        guard let pattern = pattern(operation, method, path, place) else { return }
        let shape = pattern.template.shape
        let others = patterns[shape, default: []]
        if others.contains(pattern) { return }
        if !RouteTable.conflicts(among: others + [pattern]).isEmpty {
            return warn(place, "matches the same requests as another, and is left out")
        }
        guard let price = price(operation, item, place) else { return }
        patterns[shape] = others + [pattern]
        routes.append(
            ImportedRoutes.Route(
                match: pattern.description, price: price.description, description: Self.description(operation, item),
                mimeType: mimeType(operation)))
    }

    /// The route's own pattern where we wrote the document, else that of method and path.
    private mutating func pattern(
        _ operation: JSONValue, _ method: String, _ path: String, _ place: String
    ) -> RoutePattern? {
        if let own = operation["x-farebox-match"]?.string, prefix == "/", let pattern = try? RoutePattern.parse(own),
            pattern.host == nil, pattern.methods?.contains(method.uppercased()) ?? true,
            let told = try? RoutePattern.parse(ImportedPath(path).pattern), told.isAsWide(as: pattern)
        {
            return pattern
        }
        let base = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
        let imported = ImportedPath(base + path)
        for warning in imported.warnings { warn(place, warning) }
        do {
            return try RoutePattern.parse("\(method.uppercased()) \(imported.pattern)")
        } catch {
            warn(place, "is left out: it \(error.reason)")
            return nil
        }
    }

    private mutating func price(_ operation: JSONValue, _ item: JSONValue, _ place: String) -> Price? {
        for holder in [operation, item, document] {
            switch ImportedPrice(holder) {
            case .none: continue
            case .price(let price, let warning):
                if let warning { warn(place, warning) }
                return price
            case .unreadable(let reason):
                warn(place, reason + (options.price == nil ? "" : ": --price is taken"))
            }
            break
        }
        if options.price == nil { unpriced += 1 }
        return options.price
    }

    // MARK: Words

    private static func description(_ operation: JSONValue, _ item: JSONValue) -> String {
        let text =
            operation["summary"]?.string ?? operation["description"]?.string ?? item["summary"]?.string ?? ""
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        return String(line.split(separator: " ").joined(separator: " ").prefix(200))
    }

    /// The media type of what is delivered; empty where the document names none.
    private func mimeType(_ operation: JSONValue) -> String {
        guard case .object(let responses)? = operation["responses"] else { return "" }
        let delivered = responses.filter { $0.key.hasPrefix("2") } + responses.filter { $0.key == "default" }
        for response in delivered {
            guard case .object(let content)? = resolved(response.value)?["content"], let first = content.first else {
                continue
            }
            return first.key == "*/*" ? "" : first.key
        }
        return ""
    }

    /// The value, or what a `$ref` in it points to; nil where that is not in the document.
    private func resolved(_ value: JSONValue) -> JSONValue? {
        var value = value
        for _ in 0..<16 {
            guard let reference = value["$ref"]?.string else { return value }
            guard reference.hasPrefix("#/") else { return nil }
            var found: JSONValue? = document
            for name in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
                // RFC 6901 §4.
                let name = name.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                    .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
                found = found?[name]
            }
            guard let found else { return nil }
            value = found
        }
        return nil
    }
}

extension RoutePattern {
    /// Whether both paths differ in the names of what varies only.
    fileprivate func isAsWide(as other: RoutePattern) -> Bool { template.shape == other.template.shape }
}

extension JSONValue {
    /// The text of a string or of a number.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }
}
