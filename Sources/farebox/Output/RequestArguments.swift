import ArgumentParser
import Foundation

/// The body of a request on the command line, as curl's `-d` has it.
enum BodyArgument {
    /// The text itself, or what `@file` and `@-` name.
    static func read(_ text: String) throws -> [UInt8] {
        guard text.hasPrefix("@") else { return Array(text.utf8) }
        let name = text.dropFirst()
        do {
            if name == "-" { return Array(try FileHandle.standardInput.readToEnd() ?? Data()) }
            return Array(try Data(contentsOf: URL(fileURLWithPath: String(name))))
        } catch {
            throw ValidationError("the file of -d cannot be read: \(name)")
        }
    }
}

/// A field of a request on the command line, as curl's `-H` has it.
enum FieldArgument {
    /// Reads `Name: value`; nil where there is no name.
    static func read(_ line: String) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        return (String(line[..<colon]), String(value))
    }
}
