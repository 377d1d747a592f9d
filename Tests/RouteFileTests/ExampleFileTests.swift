import Facilitator
import Foundation
import Primitives
import RouteFile
import Testing
import Transport
import X402

/// The documented file, taken apart by its own conventions: `#key = …` shows a key, `# …` is prose.
struct ExampleFile {
    struct Key: Hashable {
        var table: String
        var name: String
    }

    let text: String
    private(set) var values: [Key: [String]] = [:]
    /// Keys without a sentence behind them.
    private(set) var unexplained: [Key] = []

    init() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("routes.example.toml")
        text = try String(contentsOf: url, encoding: .utf8)
        var table = ""
        for line in text.split(separator: "\n") {
            let content = line.hasPrefix("#") ? line.dropFirst() : line
            if content.hasPrefix("[") {
                table = content.prefix { $0 != "#" && $0 != " " }.filter { !"[]".contains($0) }
                let parts = table.split(separator: ".").map(String.init)
                values[Key(table: parts.dropLast().joined(separator: "."), name: parts.last ?? ""), default: []].append(
                    "")
            } else if let equals = content.range(of: " = "), Self.isKey(content[..<equals.lowerBound]) {
                let key = Key(table: table, name: String(content[..<equals.lowerBound]))
                let (value, comment) = Self.split(content[equals.upperBound...])
                if values[key] == nil, comment.isEmpty { unexplained.append(key) }
                values[key, default: []].append(value)
            }
        }
    }

    private static func isKey(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0)
            }
    }

    /// The value and its comment; no value of the example has a number sign in it.
    private static func split(_ text: Substring) -> (value: String, comment: String) {
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts[0].reversed().drop { $0 == " " }.reversed()
        return (String(value), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
    }
}

@Suite("routes.example.toml")
struct ExampleFileTests {
    @Test("is a good file as it stands, without an environment")
    func loads() throws {
        let file = try RouteFile.parse(text: ExampleFile().text, fileName: "routes.example.toml")
        #expect(file.warnings.isEmpty)
        #expect(file.routes.map(\.name) == ["GET /v1/weather/:city", "GET /health"])
        #expect(file.routes.first?.requirements.first?.amount.description == "1000")
    }

    @Test("documents every known key, and knows every documented one")
    func completeness() throws {
        let documented = Set(try ExampleFile().values.keys)
        let known = Set(
            RouteFileSchema.tables.flatMap { table, specs in
                specs.filter { $0.availability == .now }.map { ExampleFile.Key(table: table, name: $0.name) }
            })
        #expect(known.subtracting(documented).isEmpty)
        #expect(documented.subtracting(known).isEmpty)
    }

    @Test("gives every default as it is")
    func defaults() throws {
        let example = try ExampleFile()
        for (table, specs) in RouteFileSchema.tables {
            for spec in specs {
                guard let literal = spec.defaultLiteral else { continue }
                let shown = example.values[ExampleFile.Key(table: table, name: spec.name)] ?? []
                let isOptionalText = literal == "\"\""
                #expect(shown.contains(literal) || isOptionalText, "\(table).\(spec.name) is \(literal) by default")
            }
        }
    }

    @Test("has a line on every key")
    func explanations() throws {
        // Keys that [payments] explains, and those of a second or third kind of adapter.
        let elsewhere: Set<String> = [
            "pay_to", "accepts", "max_timeout_seconds", "charge_on", "charge_min_bytes", "charge_within",
            "redeliveries", "mode",
            "forward_payment",
        ]
        let unexplained = try ExampleFile().unexplained.filter {
            !($0.table == "routes" && elsewhere.contains($0.name))
        }
        #expect(unexplained.isEmpty)
    }

    @Test("shows values that are good, each alternative of adapters included")
    func alternatives() throws {
        let certificates = try CertificateFolder()
        let text = try ExampleFile().text.replacing("/etc/farebox/", with: certificates.path)
        let environment = [
            "PRICE_SERVICE_KEY": "k", "FACILITATOR_KEYS": "shop:0123456789abcdef",
            "FAREBOX_FORWARD_KEY": "0123456789abcdef",
            "BANK_BRIDGE_API_KEY": "k", "FACILITATOR_API_KEY": "k",
            "EVM_SIGNER_PRIVATE_KEY": String(repeating: "1", count: 64),
        ]
        // All that is commented out comes in, but for what excludes its neighbour or its value.
        let excluded = [
            "#unmatched = \"deny\"", "#servers", "#[[upstreams.servers]]", "#url = \"http://127.0.0.1:9001\"",
            "#weight", "#backup", "#hash_on", "#[upstreams.tls]", "#ca_file", "#server_name",
            "#cert_file = \"farebox.pem\"", "#key_file = \"farebox-key.pem\"", "#verify", "#payer",
            "#transaction_prefix", "#host =", "#pay_to_allowed = [", "#rpc_urls", "#rpc_url_env",
            "#signer_key_file", "#client_ca_file", "#ocsp_file",
            "#cost = \"$0.004\"",
            "#bytes = \"10MB\"", "#tokens", "#[routes.bundle]", "#amount", "#for = \"30d\"", "#scope = \"route\"",
            "#uses = 1000",
            "#bytes = \"50GB\"", "#on_low_balance",
        ]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let isKey = line.hasPrefix("#") && !line.hasPrefix("# ") && !excluded.contains(where: line.hasPrefix)
            return isKey ? String(line.dropFirst()) : String(line)
        }
        let whole = lines.joined(separator: "\n").replacing("[server]\n", with: "[server]\nunmatched = \"free\"\n")
        let file = try RouteFile.parse(text: whole, fileName: "routes.example.toml", environment: environment)
        #expect(file.adapters.map(\.scope.id) == ["demo-chain", "base", "bank-bridge", "hosted"])
        #expect(file.facilitator?.keys != nil)
        #expect(file.server.unmatched == .free(upstream: 0))
        #expect(file.server.tls?.listen.map(\.description) == ["0.0.0.0:443"])
    }
}
