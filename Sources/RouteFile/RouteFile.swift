package import Facilitator
import Foundation
package import Pricing
package import Proxy

/// A route file that has been read, completed with every default, and found without mistakes.
package struct RouteFile: Sendable {
    package var server: ServerSettings
    /// Nil when the file has no `[facilitator]`: the rails serve the paywall only.
    package var facilitator: FacilitatorSettings?
    package var ledger: LedgerSettings
    /// The HMAC key of `forward_payment = "signed"`.
    package var forwardKey: Secret?
    /// The longest that a payment's `validBefore` may lie ahead.
    package var maxValidity: Duration
    package var batch: BatchSettings
    package var newPayers: NewPayerSettings
    /// How much one client and one payer may have of all routes.
    package var limits: RequestLimits
    /// Clients and payers that limits keep apart.
    package var maxTracked: Int
    /// The catalogue's assets, then the file's.
    package var assets: [AssetSettings]
    package var upstreams: [UpstreamSettings]
    package var routes: [RouteSettings]
    package var adapters: [AdapterConfiguration]
    /// The routes ready to be matched, in the order of `routes`.
    package var table: RouteTable
    /// With the policy that the upstreams ask for.
    package var canonicaliser: Canonicaliser
    /// What the owner should know; the file is good all the same.
    package var warnings: [RouteFileMistake]

    /// The largest file that is read.
    package static let maximumBytes = 4 << 20

    /// Reads a file; `environment` holds the secrets that it names.
    package static func load(
        path: String, environment: [String: String]
    ) throws(RouteFileErrors) -> RouteFile {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RouteFileErrors([RouteFileMistake(file: name, line: 0, key: "", reason: "cannot be read")])
        }
        return try parse(Array(data), fileName: name, environment: environment)
    }

    /// Reads the bytes of a file; mistakes bear `fileName`.
    package static func parse(
        _ bytes: [UInt8], fileName: String, environment: [String: String]
    ) throws(RouteFileErrors) -> RouteFile {
        let log = MistakeLog(file: fileName)
        let whole = Place(path: "", line: 0)
        if bytes.count > maximumBytes {
            log.add(whole, "is larger than 4MiB")
        } else if let text = String(validating: bytes, as: UTF8.self) {
            // A byte order mark is what some editors put before UTF-8.
            let body = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
            if let root = TOMLDocument.parse(body, log: log),
                let file = FileReader(log: log, environment: environment).read(root)
            {
                return file
            }
        } else {
            log.add(whole, "is not UTF-8")
        }
        throw RouteFileErrors(log.sorted)
    }

    /// Reads a text.
    package static func parse(
        text: String, fileName: String = "routes.toml", environment: [String: String] = [:]
    ) throws(RouteFileErrors) -> RouteFile {
        try parse(Array(text.utf8), fileName: fileName, environment: environment)
    }
}
