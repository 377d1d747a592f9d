import Pricing
import X402

/// The price that an OpenAPI document names.
enum ImportedPrice {
    case none
    case price(Price, warning: String?)
    /// There is one, and it is none of ours.
    case unreadable(String)

    /// Reads `x-price` or `x-payment-info` of an operation, a path or the document.
    init(_ holder: JSONValue) {
        if let value = holder["x-price"], value != .null {
            self = Self.read(value)
        } else if let info = holder["x-payment-info"], info != .null {
            self = Self.read(info: info)
        } else {
            self = .none
        }
    }

    /// `"$0.01"`, `"free"`, units of assets, or a bare number of dollars.
    private static func read(_ value: JSONValue, warning: String? = nil) -> ImportedPrice {
        let text: String
        switch value {
        case .string(let string): text = string
        case .number(let number): text = number
        default: return .unreadable("has a price that is neither text nor a number")
        }
        let isZero = !text.isEmpty && text.utf8.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
        if isZero { return .price(.free, warning: "is sold for nothing: it is free") }
        let isBare = text.utf8.first.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
        do {
            return .price(try Price.parse(isBare && !text.contains(" ") ? "$" + text : text), warning: warning)
        } catch {
            return .unreadable("has a price that \(error.reason)")
        }
    }

    private static func read(info: JSONValue) -> ImportedPrice {
        if case .object? = info["price"] { return read(priced: info["price"] ?? .null, text: info["text"]?.string) }
        switch info["pricingMode"]?.string {
        case "range": return most(info["maxPrice"])
        case "quote": return .unreadable("has a price that is told on request only")
        default: break
        }
        if let price = info["price"], price != .null { return read(price) }
        guard let text = info["text"]?.string, let price = try? Price.parse(text) else {
            return .unreadable("has an x-payment-info without a price")
        }
        return .price(price, warning: nil)
    }

    private static func read(priced price: JSONValue, text: String?) -> ImportedPrice {
        if let currency = price["currency"]?.string, currency != "USD" {
            return .unreadable("has a price in \(currency)")
        }
        guard price["mode"]?.string == "dynamic" else {
            // The text also has what is asked in units of assets.
            if let text, let whole = try? Price.parse(text) { return .price(whole, warning: nil) }
            return price["amount"].map { read($0) } ?? .unreadable("has an x-payment-info without an amount")
        }
        return most(price["max"])
    }

    private static func most(_ value: JSONValue?) -> ImportedPrice {
        guard let value, value != .null else { return .unreadable("has a price without an upper bound") }
        return read(value, warning: "has more than one price: the dearest is taken")
    }
}
