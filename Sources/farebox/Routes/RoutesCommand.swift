import ArgumentParser
import Foundation
import Pricing
import RouteFile
import Transport
import X402

/// `farebox routes`: about the routes of a file.
struct RoutesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes", abstract: "Make routes of what describes an API.",
        subcommands: [RoutesImportCommand.self])
}

/// `farebox routes import`: an OpenAPI document as routes.
struct RoutesImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Print the operations of an OpenAPI document as routes.",
        discussion: """
            Reads OpenAPI 3.0 or 3.1, JSON or YAML, of at most 8 MiB, and prints [[upstreams]] and [[routes]] for a route \
            file. An operation costs what `x-price` or `x-payment-info` says, else what --price says. What a route cannot \
            express is told on standard error.

              farebox routes import openapi.yaml --price '$0.001' --upstream http://127.0.0.1:9000 >> routes.toml
              farebox check

            Exit codes: 0 printed (there may be warnings), 1 the document cannot be read, or an operation has no price, \
            2 wrong usage.
            """)

    @Argument(help: ArgumentHelp("The document; `-` reads standard input.", valueName: "file"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "What an operation costs that has no price: \"$0.001\", units, or \"free\".", valueName: "price"))
    var price: String?

    @Option(help: ArgumentHelp("The upstream's origin, instead of the document's first server.", valueName: "url"))
    var upstream: String?

    @Option(help: ArgumentHelp("The upstream's name in the file.", valueName: "name"))
    var name = "api"

    @Flag(help: "Print JSON, warnings included.")
    var json = false

    func run() throws {
        let options = try options()
        let imported: ImportedRoutes
        do throws(ImportFailure) {
            imported = try OpenAPIImport.read(try OpenAPIText.parse(try bytes()), options)
        } catch {
            OutputStream.notes.line("farebox: \(file.shown()): \(error.reason.shown())")
            throw ExitStatus.failure
        }
        if json { return OutputStream.standard.line(imported.json.line) }
        for warning in imported.warnings { OutputStream.notes.line("warning: \(warning.shown())") }
        OutputStream.standard.line(imported.toml)
    }

    private func options() throws -> OpenAPIImport.Options {
        var options = OpenAPIImport.Options(name: name)
        if let price {
            do throws(PriceError) {
                options.price = try Price.parse(price)
            } catch {
                throw ValidationError("--price \(error.reason)")
            }
        }
        if let upstream {
            guard upstream.hasPrefix("unix:/") || OutgoingURL(upstream)?.target == "/" else {
                throw ValidationError("--upstream is not an origin such as \"http://127.0.0.1:9000\"")
            }
            options.upstreamURL = upstream.hasSuffix("/") ? String(upstream.dropLast()) : upstream
        }
        return options
    }

    /// One byte more than may be at most, so that what is too long is seen.
    private func bytes() throws(ImportFailure) -> [UInt8] {
        let handle = file == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: file)
        guard let handle, let data = try? handle.read(upToCount: OpenAPIText.maximumBytes + 1) else {
            throw ImportFailure("cannot be read")
        }
        return [UInt8](data)
    }
}
