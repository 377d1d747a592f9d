package import X402

/// What an OpenAPI document comes to in a route file.
package struct ImportedRoutes: Hashable, Sendable {
    package struct Route: Hashable, Sendable {
        /// As in `match`.
        package var match: String
        /// As in `price`.
        package var price: String
        package var description: String
        package var mimeType: String

        package init(match: String, price: String, description: String = "", mimeType: String = "") {
            self.match = match
            self.price = price
            self.description = description
            self.mimeType = mimeType
        }
    }

    package var upstream: String
    package var upstreamURL: String
    package var routes: [Route]
    /// What could not be expressed, in the order of the document.
    package var warnings: [String]

    /// The upstream and the routes as TOML, to be put into a route file.
    package var toml: String {
        var lines = ["[[upstreams]]", "name = \(Self.quoted(upstream))", "url = \(Self.quoted(upstreamURL))"]
        for route in routes {
            lines += [
                "", "[[routes]]", "match = \(Self.quoted(route.match))", "upstream = \(Self.quoted(upstream))",
                "price = \(Self.quoted(route.price))",
            ]
            if !route.description.isEmpty { lines.append("description = \(Self.quoted(route.description))") }
            if !route.mimeType.isEmpty { lines.append("mime_type = \(Self.quoted(route.mimeType))") }
        }
        return lines.joined(separator: "\n")
    }

    package var json: JSONValue {
        .object([
            JSONMember(
                "upstreams",
                .array([
                    .object([JSONMember("name", .string(upstream)), JSONMember("url", .string(upstreamURL))])
                ])),
            JSONMember(
                "routes",
                .array(
                    routes.map { route in
                        .object([
                            JSONMember("match", .string(route.match)), JSONMember("upstream", .string(upstream)),
                            JSONMember("price", .string(route.price)),
                            JSONMember("description", .string(route.description)),
                            JSONMember("mime_type", .string(route.mimeType)),
                        ])
                    })),
            JSONMember("warnings", .array(warnings.map(JSONValue.string))),
        ])
    }

    /// A basic string of TOML.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}
