import Pricing
import RouteFile
import Testing
import X402

@Suite("Importing OpenAPI")
struct OpenAPIImportTests {
    static let options = OpenAPIImport.Options(upstreamURL: "http://127.0.0.1:9000", price: try? Price.parse("$0.01"))

    static func document(_ paths: String, _ more: String = "") -> String {
        #"{"openapi":"3.1.0","info":{"title":"a","version":"1"},"paths":\#(paths)\#(more)}"#
    }

    static func read(
        _ text: String, _ options: OpenAPIImport.Options = options
    ) throws(ImportFailure) -> ImportedRoutes {
        try OpenAPIImport.read(try OpenAPIText.parse(Array(text.utf8)), options)
    }

    @Test("reads JSON and YAML alike")
    func forms() throws {
        let yaml = """
            openapi: 3.0.3
            servers: [{url: "https://{region}.example.com/v2/", variables: {region: {default: eu}}}]
            x-anchors:
              ok: &ok
                content: {application/json: {}}
            paths:
              /weather/{city-name}:
                get:
                  summary: "The weather  of a city"
                  x-price: 0.002
                  responses: {200: *ok}
                post:
                  description: |
                    First line.
                    Second line.
            """
        let read = try Self.read(yaml, OpenAPIImport.Options(name: "weather", price: try Price.parse("$0.01")))
        #expect(read.upstreamURL == "https://eu.example.com" && read.upstream == "weather")
        #expect(
            read.routes == [
                ImportedRoutes.Route(
                    match: "GET /v2/weather/:city_name", price: "$0.002", description: "The weather of a city",
                    mimeType: "application/json"),
                ImportedRoutes.Route(
                    match: "POST /v2/weather/:city_name", price: "$0.01", description: "First line.", mimeType: ""),
            ])
        #expect(read.warnings.isEmpty)
        #expect(read.toml.contains("match = \"GET /v2/weather/:city_name\"\nupstream = \"weather\"\n"))
    }

    @Test(
        "makes a pattern of a path, and tells what it cannot say",
        arguments: [
            ("/a/{id}/b", "GET /a/:id/b", ""), ("/", "GET /", ""), ("/a/", "GET /a", ""),
            ("/a/{id}.json", "GET /a/:id", "only a part varies"), ("/a/{x}-{y}", "GET /a/:x", "only a part varies"),
            ("/a?b={c}", "GET /a", "query"), ("/a/{}/{ü}", "GET /a/:parameter/:_", ""),
            ("/{a}/{a}", "GET /:a/:a_", ""), ("/a b/*/:x", "GET /a%20b/%2A/%3Ax", ""),
        ])
    func patterns(path: String, match: String, warning: String) throws {
        let read = try Self.read(Self.document(#"{"\#(path)":{"get":{}}}"#))
        #expect(read.routes.map(\.match) == [match])
        #expect(read.warnings.isEmpty == warning.isEmpty)
        #expect(warning.isEmpty || read.warnings.first?.contains(warning) == true, "\(read.warnings)")
    }

    @Test(
        "takes the price that the document names",
        arguments: [
            (#""x-price":"$0.05""#, "$0.05", ""), (#""x-price":0.05"#, "$0.05", ""), (#""x-price":"free""#, "free", ""),
            (#""x-price":"1000 usdc@base""#, "1000 usdc@base", ""), (#""x-price":0"#, "free", "for nothing"),
            (#""x-payment-info":{"price":{"mode":"fixed","currency":"USD","amount":"0.05"}}"#, "$0.05", ""),
            (
                #""x-payment-info":{"price":{"mode":"dynamic","currency":"USD","min":"0","max":"0.2"}}"#, "$0.2",
                "dearest"
            ),
            (#""x-payment-info":{"pricingMode":"fixed","price":"0.05"}"#, "$0.05", ""),
            (#""x-payment-info":{"pricingMode":"range","minPrice":"1","maxPrice":"2"}"#, "$2", "dearest"),
            (#""x-payment-info":{"pricingMode":"quote"}"#, "$0.01", "on request"),
            (#""x-payment-info":{"price":{"mode":"fixed","currency":"EUR","amount":"1"}}"#, "$0.01", "EUR"),
            (#""x-price":"1e3""#, "$0.01", "price that"), (#""x-price":[1]"#, "$0.01", "neither text"),
            (#""x-price":-1"#, "$0.01", "price that"),
        ])
    func prices(operation: String, price: String, warning: String) throws {
        let read = try Self.read(Self.document(#"{"/a":{"get":{\#(operation)}}}"#))
        #expect(read.routes.map(\.price) == [price])
        #expect(read.warnings.count == (warning.isEmpty ? 0 : 1), "\(read.warnings)")
        #expect(warning.isEmpty || read.warnings.first?.contains(warning) == true, "\(read.warnings)")
    }

    @Test("takes the price of the path or of the document where the operation has none")
    func inheritedPrices() throws {
        let paths = #"{"/a":{"x-price":"$2","get":{},"post":{"x-price":"$3"}},"/b":{"get":{}}}"#
        let read = try Self.read(Self.document(paths, #","x-price":"$1""#))
        #expect(read.routes.map(\.price) == ["$2", "$3", "$1"])
    }

    @Test("leaves out what is no route, and says so")
    func leftOut() throws {
        let paths = """
            {"/a":{"get":{"deprecated":true},"head":{},"trace":{},"options":{}},"/{x}":{"get":{}},"/{y}":{"get":{}},\
            "/r":{"$ref":"#/components/pathItems/R"},"/gone":{"$ref":"#/nowhere"},"/%2F":{"get":{}}}
            """
        let read = try Self.read(Self.document(paths, #","components":{"pathItems":{"R":{"put":{}}}}"#))
        #expect(read.routes.map(\.match) == ["GET /a", "GET /:x", "PUT /r"])
        let warned = [
            "deprecated", "preflights", "never forwarded", "same requests", "not in the document", "left out",
        ]
        for (index, word) in warned.enumerated() {
            #expect(read.warnings.indices.contains(index) && read.warnings[index].contains(word), "\(read.warnings)")
        }
    }

    @Test(
        "refuses what is no such document",
        arguments: [
            ("", "empty"), ("[]", "no OpenAPI"), ("{", "neither"), ("a: [", "neither"), ("text", "no OpenAPI"),
            (#"{"swagger":"2.0"}"#, "Swagger 2"), (#"{"openapi":"4.0.0"}"#, "3.0 or 3.1"),
            (#"{"openapi":"3.1.0"}"#, "no operation"),
            (document(#"{"/a":{"trace":{}}}"#), "no operation"), ("openapi: 3.1.0\nopenapi: 3.1.0", "neither"),
            (String(repeating: "[", count: 100_000), "too deep"), (String(repeating: "- ", count: 100_000), "too deep"),
            (String(repeating: "{a: ", count: 100_000), "too deep"),
            (
                "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                    + "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                    + "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", "more than"
            ),
        ])
    func refused(text: String, reason: String) {
        #expect { try Self.read(text) } throws: { error in
            (error as? ImportFailure)?.reason.contains(reason) == true
        }
    }

    @Test("needs a price for every operation, and a server")
    func needs() {
        let text = Self.document(#"{"/a":{"get":{}},"/b":{"get":{"x-price":"$1"}}}"#)
        #expect(
            throws: ImportFailure(
                "an operation has no price: say what they cost with --price, or x-price in the document")
        ) {
            try Self.read(text, OpenAPIImport.Options(upstreamURL: "http://127.0.0.1:9000"))
        }
        #expect(throws: ImportFailure("the document names no server that can be asked: say --upstream URL")) {
            try Self.read(text, OpenAPIImport.Options(price: .free))
        }
    }

    @Test("quotes every text of the document")
    func quoting() throws {
        let read = try Self.read(
            Self.document(#"{"/a":{"get":{"summary":"a \"b\" \\ \u0001 ]]\t'''"}}}"#))
        #expect(read.toml.contains(#"description = "a \"b\" \\ \u0001 ]]\u0009'''""#))
    }
}
