import ArgumentParser
import Foundation
import RouteFile

/// Which route file to read.
struct RouteFileOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: ArgumentHelp("The route file.", valueName: "file"))
    var path = "routes.toml"

    /// Reads the file, with the secrets that it names from the environment.
    func load() throws(RouteFileErrors) -> RouteFile {
        try RouteFile.load(path: path, environment: ProcessInfo.processInfo.environment)
    }

    /// Reads the file, or tells every mistake and ends the command.
    func loadOrFail() throws(ExitStatus) -> RouteFile {
        do throws(RouteFileErrors) {
            return try load()
        } catch {
            for mistake in error.mistakes { OutputStream.notes.line(mistake.description) }
            throw .failure
        }
    }
}
