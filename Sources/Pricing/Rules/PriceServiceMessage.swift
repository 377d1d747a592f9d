import X402

/// What a price service is asked, and what it answers: both as JSON.
package enum PriceServiceMessage {
    /// What a service is told of a request; nothing else of it is.
    package struct Question {
        package var route: String
        package var method: String
        package var host: String
        /// Without the query.
        package var path: String
        /// What the file names.
        package var fields: [(PriceField, FieldReading)]

        package init(
            route: String, method: String, host: String, path: String, fields: [(PriceField, FieldReading)]
        ) {
            self.route = route
            self.method = method
            self.host = host
            self.path = path
            self.fields = fields
        }

        /// The question as it is sent; equal requests make equal texts.
        package var text: [UInt8] {
            JSONValue.object([
                JSONMember("route", .string(route)), JSONMember("method", .string(method)),
                JSONMember("host", .string(host)), JSONMember("path", .string(path)),
                JSONMember("fields", .object(fields.map { JSONMember($0.description, $1.json) })),
            ]).encoded()
        }
    }

    /// The longest answer that is read.
    package static let maxAnswerBytes = 4096

    /// Reads `{"price": "$0.02"}`, or `{"cost": "$0.01"}` on which the margin comes; nil for whatever is not exactly that.
    ///
    /// Beside it `valid_for`, whole seconds, and `reason`, a text, may stand.
    package static func answer(_ body: [UInt8]) -> ToldPrice? {
        let limits = JSONLimits(maxDepth: 2, maxBytes: maxAnswerBytes, maxOpenMembers: 4)
        guard let value = try? JSONValue.parse(body, limits: limits), case .object(let members) = value else {
            return nil
        }
        var price: TablePrice?
        var seconds: Int64?
        var note: String?
        for member in members {
            switch (member.key, member.value) {
            case ("price", .string(let text)) where price == nil: price = read(text, isCost: false)
            case ("cost", .string(let text)) where price == nil: price = read(text, isCost: true)
            case ("valid_for", .number(let text)):
                seconds = Int64(text).flatMap { (0...ToldPrice.maximumSeconds).contains($0) ? $0 : nil }
                if seconds == nil { return nil }
            case ("reason", .string(let text)) where text.utf8.count <= ToldPrice.maximumNoteBytes: note = text
            default: return nil
            }
            // What follows must not stand in for one that could not be read.
            if price == nil, member.key == "price" || member.key == "cost" { return nil }
        }
        return price.map { ToldPrice($0, seconds: seconds, note: note) }
    }

    private static func read(_ text: String, isCost: Bool) -> TablePrice? {
        (try? Price.parse(text)).map { TablePrice($0, isCost: isCost) }
    }
}

extension FieldReading {
    /// The value as a service sees it; what is absent, or no single value, is null.
    fileprivate var json: JSONValue {
        switch self {
        case .text(let text): .string(text.value)
        case .number(let spelling): .number(spelling)
        case .bool(let value): .bool(value)
        case .absent, .structure, .doubtful: .null
        }
    }
}
