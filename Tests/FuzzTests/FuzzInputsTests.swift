import Foundation
import FuzzBodies
import Testing

/// The kept inputs of the fuzzer, run as plain tests: a finding stays found.
@Suite("Fuzz inputs")
struct FuzzInputsTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz")

    private static func inputs(in kind: String, of target: String) throws -> [URL] {
        let path = folder.appending(path: kind).appending(path: target)
        guard FileManager.default.fileExists(atPath: path.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: path, includingPropertiesForKeys: nil)
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    @Test("every kept input passes", arguments: FuzzTarget.all.map(\.name), ["Corpus", "FailCases"])
    func keptInputs(target name: String, kind: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        for input in try Self.inputs(in: kind, of: name) {
            let fault = try Data(contentsOf: input).withUnsafeBytes { target.fault($0) }
            #expect(fault == nil, "\(kind)/\(name)/\(input.lastPathComponent)")
        }
    }

    @Test("every target has a corpus to start from", arguments: FuzzTarget.all.map(\.name))
    func corpus(target: String) throws {
        #expect(try !Self.inputs(in: "Corpus", of: target).isEmpty)
    }
}
