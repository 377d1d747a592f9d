import RouteFile

/// The loader of `routes.toml`: it says the same twice, points into the file, and tells no secret.
enum RouteFileFuzz {
    private static let secret = "d41d8cd98f00b204e9800998ecf8427e"

    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        let text = Array(bytes)
        let first = mistakes(of: text)
        guard first == mistakes(of: text) else { return "read twice, judged differently" }
        guard let first else { return nil }
        if first.isEmpty { return "refused without a mistake" }
        // A line ends at LF, CR or CRLF, and the place behind the last one is a line too.
        let lines = text.count { $0 == 0x0a || $0 == 0x0d } + 1
        for mistake in first {
            if !(0...lines).contains(mistake.line) { return "line \(mistake.line) of \(lines)" }
            if mistake.reason.isEmpty { return "a mistake without a reason" }
            if mistake.description.contains(secret) { return "a secret is told: \(mistake.key)" }
        }
        return nil
    }

    /// Nil for a good file.
    private static func mistakes(of text: [UInt8]) -> [RouteFileMistake]? {
        do throws(RouteFileErrors) {
            _ = try RouteFile.parse(text, fileName: "routes.toml", environment: ["SECRET": secret])
            return nil
        } catch {
            return error.mistakes
        }
    }
}
