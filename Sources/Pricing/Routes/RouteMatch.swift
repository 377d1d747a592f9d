/// What the route table says of a request.
package enum RouteMatch: Hashable, Sendable {
    /// The route's index in the list that the table was made from.
    case route(Int)
    /// The path is known, the method is not: 405, with the value of `Allow`.
    case methodNotAllowed(allow: String)
    case none
    /// Another reading of the target would meet another price: 400.
    case refused(TargetRefusal)
}

/// What a route costs, as far as routes are compared.
package enum RouteCost: Hashable, Sendable {
    case free
    /// Routes of one class make the same offers.
    case priced(class: Int)
}

/// What becomes of a request that no route matches.
package enum UnmatchedPolicy: Hashable, Sendable {
    case deny
    /// Forwarded without a payment, to an upstream that takes `%2F` or not.
    case free(keepsEncodedSlash: Bool = false)

    /// Whether such a request is forwarded.
    package var isFree: Bool { self != .deny }
}

/// Two routes that would match the same request with the same precedence.
package struct RouteConflict: Error, Hashable, Sendable {
    /// Indices in the list of routes, the lower first.
    package let first: Int
    package let second: Int

    package init(first: Int, second: Int) {
        self.first = first
        self.second = second
    }
}
