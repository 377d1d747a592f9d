/// The body of a 402 for people with a browser, rendered once per route.
///
/// It says what is sold and for how much, and that a program pays; the offers themselves are in the head, as for everybody. No
/// script, no style from elsewhere, nothing of the request in it.
package struct ChallengePage: Sendable {
    package let bytes: [UInt8]

    /// `price` is what the route's owner wrote, `networks` where it can be paid.
    package init(description: String, price: String, networks: [String]) {
        let what = description.isEmpty ? "This resource" : Self.escaped(description)
        let places = networks.map(Self.escaped).joined(separator: ", ")
        bytes = Array(
            """
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><title>402 Payment Required</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"></head>
            <body>
            <h1>Payment required</h1>
            <p>\(what) costs \(Self.escaped(price)) for each request, payable on \(places).</p>
            <p>It is sold to programs: the offers are in this answer's <code>PAYMENT-REQUIRED</code> field, and any client \
            of the <a href="https://www.x402.org">x402</a> protocol can pay them.</p>
            </body>
            </html>

            """.utf8)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}
