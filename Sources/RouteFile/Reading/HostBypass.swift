import Pricing

/// Finds priced routes whose upstream is reached for another price under any other `Host`.
///
/// `Host` is the client's to choose, and an upstream that ignores it answers the same.
struct HostBypass {
    let routes: [RouteSettings]
    let table: RouteTable
    let unmatched: UnmatchedSettings

    /// Pairs of a route with a host and the route without one that stands in for it; nil for unmatched requests.
    var found: [(route: RouteSettings, way: RouteSettings?)] {
        routes.compactMap { route in
            guard route.pattern.host != nil, !route.isFree else { return nil }
            for method in route.pattern.methods ?? ["GET"] {
                switch match(method, route.pattern) {
                case .route(let index):
                    let other = routes[index]
                    if other.upstream == route.upstream, other.cost != route.cost {
                        return (route, other)
                    }
                case .none: if unmatched == .free(upstream: route.upstream) { return (route, nil) }
                case .methodNotAllowed, .refused: break
                }
            }
            return nil
        }
    }

    /// What a request of that shape meets under a host that no route names.
    private func match(_ method: String, _ pattern: RoutePattern) -> RouteMatch {
        var path: [UInt8] = []
        for segment in pattern.segments {
            path.append(UInt8(ascii: "/"))
            if case .literal(let bytes) = segment { path += bytes } else { path.append(UInt8(ascii: "x")) }
        }
        if path.isEmpty { path = [UInt8(ascii: "/")] }
        return Array(method.utf8).withUnsafeBytes { method in
            path.withUnsafeBytes { path in
                table.match(method: method, host: UnsafeRawBufferPointer(start: nil, count: 0), path: path)
            }
        }
    }
}
