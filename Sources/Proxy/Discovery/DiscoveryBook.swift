package import Pricing
import Primitives
import Synchronization
import X402

/// One of the documents that tell what is sold.
package enum DiscoveryKind: CaseIterable, Hashable, Sendable {
    /// `/.well-known/x402`: the list that directories of x402 read.
    case resources
    /// `/.well-known/x402/openapi.json`.
    case openAPI

    package var path: String {
        switch self {
        case .resources: "/.well-known/x402"
        case .openAPI: "/.well-known/x402/openapi.json"
        }
    }
}

/// A document, ready to be sent.
package struct DiscoveryDocument: Sendable {
    package let bytes: [UInt8]
    /// With its quotes.
    package let entityTag: String

    init(_ json: JSONValue) {
        bytes = json.encoded()
        entityTag = "\"" + SHA256.hash(bytes).description.dropFirst(2).prefix(32) + "\""
    }
}

/// The documents of one file, each made when it is first asked for.
package final class DiscoveryBook: Sendable {
    private let routes: [ListedRoute]
    private let origin: String
    private let hosts: Set<String>
    private let served: Set<DiscoveryKind>
    private let made = Mutex<[Key: DiscoveryDocument]>([:])

    private struct Key: Hashable {
        var kind: DiscoveryKind
        var host: String?
        var origin: String
    }

    /// Documents that are kept; more are made anew each time.
    private static let maximumKept = 64

    /// - Parameters:
    ///   - origin: What 402s advertise.
    ///   - hosts: Those that the file names, where each has an origin of its own; empty where all have that one.
    ///   - patterns: Of every route of the file: one that names a document's path has it.
    package init(_ routes: [ListedRoute], origin: String, hosts: Set<String>, patterns: [RoutePattern]) {
        self.routes = routes
        self.origin = origin.hasSuffix("/") ? String(origin.dropLast()) : origin
        self.hosts = hosts
        served = Set(
            DiscoveryKind.allCases.filter { kind in
                let path = kind.path.split(separator: "/").map(String.init)
                return !patterns.contains { $0.names(path) }
            })
    }

    /// Whether no route of the operator's has the path.
    package func serves(_ kind: DiscoveryKind) -> Bool { served.contains(kind) }

    /// The document that a target is for.
    func kind(of target: CanonicalTarget, raw: UnsafeRawBufferPointer) -> DiscoveryKind? {
        served.first { kind in
            target.path.count == kind.path.utf8.count
                && target.withBytes(of: raw) { $0[target.path].elementsEqual(kind.path.utf8) }
        }
    }

    /// The origin of a host that the file names, where each has one of its own.
    func ownOrigin(of host: String?, isSecure: Bool) -> String? {
        guard let host, hosts.contains(host) else { return nil }
        return (isSecure ? "https://" : "http://") + host
    }

    /// The document for whoever asks a host.
    ///
    /// - Parameters:
    ///   - host: That the request is for, as far as the file names it.
    ///   - ownOrigin: Of the client, where it is known.
    package func document(_ kind: DiscoveryKind, host: String? = nil, origin ownOrigin: String? = nil)
        -> DiscoveryDocument
    {
        let key = Key(
            kind: kind, host: host.flatMap { hosts.contains($0) ? $0 : nil }, origin: ownOrigin ?? origin)
        if let known = made.withLock({ $0[key] }) { return known }
        let listed = hosts.isEmpty ? routes : routes.filter { $0.pattern.host == nil || $0.pattern.host == key.host }
        let json =
            switch kind {
            case .openAPI: OpenAPIDocument(listed, origin: key.origin).json
            case .resources: Self.list(listed, origin: key.origin, openAPI: served.contains(.openAPI))
            }
        let document = DiscoveryDocument(json)
        made.withLock { if $0.count < Self.maximumKept { $0[key] = document } }
        return document
    }

    private static func list(_ routes: [ListedRoute], origin: String, openAPI: Bool) -> JSONValue {
        let addresses = routes.map { origin + $0.pattern.template.path }
        let unique = addresses.reduce(into: (all: [String](), seen: Set<String>())) { list, address in
            if list.seen.insert(address).inserted { list.all.append(address) }
        }.all
        var members = [
            JSONMember("version", .number("1")), JSONMember("x402Version", .number("2")),
            JSONMember("resources", .array(unique.map(JSONValue.string))),
        ]
        if openAPI { members.append(JSONMember("openapi", .string(origin + DiscoveryKind.openAPI.path))) }
        let items = zip(routes, addresses).map { route, address in
            var item = [JSONMember("resource", .string(address)), JSONMember("type", .string("http"))]
            if let methods = route.pattern.methods {
                item.append(JSONMember("methods", .array(methods.map(JSONValue.string))))
            }
            if !route.description.isEmpty { item.append(JSONMember("description", .string(route.description))) }
            if !route.mimeType.isEmpty { item.append(JSONMember("mimeType", .string(route.mimeType))) }
            item.append(JSONMember("payment", route.paymentInfo))
            return JSONValue.object(item)
        }
        return .object(members + [JSONMember("items", .array(items))])
    }
}
