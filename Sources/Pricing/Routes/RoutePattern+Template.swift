extension RoutePattern {
    /// The path as a template with `{name}` for what varies.
    package struct Template: Hashable, Sendable {
        package struct Variable: Hashable, Sendable {
            package var name: String
            /// Whether it stands for several segments.
            package var isWildcard: Bool
        }

        package var path: String
        package var variables: [Variable]
        /// The same with `:name`, as a directory groups what varies.
        package var colonPath: String
        /// The path without the names: two templates of one shape are the same path to an OpenAPI document.
        package var shape: String
    }

    package var template: Template {
        var taken = Set(
            segments.compactMap { segment -> String? in
                if case .parameter(let name) = segment { name } else { nil }
            })
        var template = Template(path: "", variables: [], colonPath: "", shape: "")
        for segment in segments {
            switch segment {
            case .literal(let bytes):
                template.path += "/" + RoutePatternReader.encoded(bytes)
                template.colonPath += "/" + RoutePatternReader.encoded(bytes)
                template.shape += "/" + RoutePatternReader.encoded(bytes)
                continue
            case .parameter(let name): template.variables.append(Template.Variable(name: name, isWildcard: false))
            case .wildcard:
                var name = "rest"
                while !taken.insert(name).inserted { name += "_" }
                template.variables.append(Template.Variable(name: name, isWildcard: true))
            }
            template.path += "/{\(template.variables[template.variables.count - 1].name)}"
            template.colonPath += "/:\(template.variables[template.variables.count - 1].name)"
            template.shape += "/{}"
        }
        if template.path.isEmpty { (template.path, template.shape) = ("/", "/") }
        return template
    }

    /// Whether the first segment is spelled out, and the pattern is for a path of these segments.
    package func names(_ path: [String]) -> Bool {
        guard case .literal? = segments.first else { return false }
        return Self.matches(segments[...], path[...])
    }

    private static func matches(_ pattern: ArraySlice<Segment>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        switch first {
        case .wildcard:
            // A trailing wildcard also stands for the bare prefix.
            if pattern.count == 1 || path.isEmpty { return pattern.count == 1 }
            return (1...path.count).contains { matches(pattern.dropFirst(), path.dropFirst($0)) }
        case .parameter: return !path.isEmpty && matches(pattern.dropFirst(), path.dropFirst())
        case .literal(let bytes):
            guard let segment = path.first else { return false }
            return String(decoding: bytes, as: UTF8.self).lowercased() == segment.lowercased()
                && matches(pattern.dropFirst(), path.dropFirst())
        }
    }
}
