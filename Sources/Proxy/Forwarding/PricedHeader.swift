import Transport

/// Header fields that a price may not depend on.
package enum PricedHeader {
    /// Why it may not, since it does not reach the upstream as the client sent it; nil for every other field.
    ///
    /// - Parameter name: In lower case.
    package static func refusal(of name: String) -> String? {
        let known = KnownField.named(name)
        if known == .host { return "is what routes are chosen by: give the route a `host`" }
        guard FieldSet.withheldFromUpstream.contains(known) || known == .maxForwards else { return nil }
        return "does not reach the upstream as the client sends it, so no price may depend on it"
    }
}
