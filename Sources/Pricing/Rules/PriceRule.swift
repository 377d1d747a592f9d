package import Primitives

/// One line of a price table: conditions that must all hold, and the amount that is then asked.
package struct PriceRule: Hashable, Sendable {
    /// Unique in its table; what logs and explanations call it.
    package var name: String
    /// None where the rule is for every request.
    package var conditions: [PriceCondition]
    /// Index into the table's amounts.
    package var amount: Int

    package init(name: String, conditions: [PriceCondition], amount: Int) {
        self.name = name
        self.conditions = conditions
        self.amount = amount
    }
}

/// One thing that a rule demands of a request.
package enum PriceCondition: Hashable, Sendable {
    /// One of these methods; HEAD is priced as GET.
    case method([String])
    /// A field by its index in the table, and what its value must be.
    case field(Int, ValueTest)
    /// Any of these windows is open.
    case time([TimeWindow])
    /// How many dollars the payer has paid in the table's window.
    case paid([VolumeComparison])
    /// How often it has paid.
    case payments([VolumeComparison])
}

/// What is known of a request when its price is asked.
package struct QuoteFacts: Sendable {
    package var method: String
    package var now: UnixTime
    /// In the order of the table's fields; those of the body count only once it has been read.
    package var readings: [FieldReading]
    package var isBodyRead: Bool
    /// What the payer has paid in the table's window; nil where nobody has looked yet.
    package var paid: PayerVolume?

    package init(
        method: String, now: UnixTime, readings: [FieldReading], isBodyRead: Bool = false, paid: PayerVolume? = nil
    ) {
        self.method = method
        self.now = now
        self.readings = readings
        self.isBodyRead = isBodyRead
        self.paid = paid
    }
}

/// What must be found out before there is a price.
package enum QuoteNeed: Hashable, Sendable {
    /// The fields of the JSON body.
    case body
    /// Who pays, and what it has paid.
    case payer
    /// What the price source says.
    case source
}

/// The price of one request under a table.
package enum Quote: Hashable, Sendable {
    /// The table's amount of this index, and the rule that named it; nil for the default.
    case priced(amount: Int, rule: Int?)
    case needs(QuoteNeed)
    /// No price that every reader of the request would agree to: 400.
    case refused(QuoteRefusal)
}

/// The part of a request that cannot be priced by.
package struct QuoteRefusal: Hashable, Sendable {
    /// Nil for the method.
    package var field: PriceField?
    package var doubt: FieldDoubt

    package init(field: PriceField?, doubt: FieldDoubt) {
        self.field = field
        self.doubt = doubt
    }

    /// One sentence that says what to do.
    package var message: String {
        let name =
            switch field {
            case .header(let name)?: "The field `\(name)`"
            case .query(let name)?: "The query parameter `\(name)`"
            case .path(let name)?: "The part of the path that is `\(name)`"
            case .body(let path)?: "`\(path.joined(separator: "."))` in the body"
            case nil: "The method"
            }
        return "\(name) decides the price, and \(doubt.message)."
    }
}
