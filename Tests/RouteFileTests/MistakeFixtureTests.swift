import Foundation
import RouteFile
import Testing

/// A file with mistakes, and the lines that must tell them.
struct MistakeFixture: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    var expected: [String]

    var testDescription: String { name }

    /// Every pair under `Resources/Mistakes`: a file is a test by being there.
    static let all: [MistakeFixture] = {
        let folder = Bundle.module.bundleURL.appendingPathComponent("Resources/Mistakes")
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return [] }
        return files.sorted().compactMap { file in
            guard file.hasSuffix(".toml") else { return nil }
            let name = String(file.dropLast(5))
            let bytes = FileManager.default.contents(atPath: folder.appendingPathComponent(file).path) ?? Data()
            let text = FileManager.default.contents(atPath: folder.appendingPathComponent(name + ".txt").path) ?? Data()
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
            return MistakeFixture(name: file, bytes: Array(bytes), expected: lines)
        }
    }()
}

@Suite("Files with mistakes")
struct MistakeFixtureTests {
    static let environment = [
        "BRIDGE_KEY": "hunter2hunter2", "SHORT_KEYS": "shop:hunter2", "BLANKS": "hunter2 hunter2",
        "BAD_SIGNER_KEY": "hunter2",
        "SIGNER_KEY": String(repeating: "1", count: 64),
    ]

    @Test("tell all of them, with line, key, reason and nearest name", arguments: MistakeFixture.all)
    func tells(_ fixture: MistakeFixture) {
        let errors = #expect(throws: RouteFileErrors.self) {
            try RouteFile.parse(fixture.bytes, fileName: fixture.name, environment: Self.environment)
        }
        #expect(errors?.mistakes.map(\.description) == fixture.expected)
    }

    @Test("never repeat a secret, wherever it was written", arguments: MistakeFixture.all)
    func secrets(_ fixture: MistakeFixture) {
        let errors = #expect(throws: RouteFileErrors.self) {
            try RouteFile.parse(fixture.bytes, fileName: fixture.name, environment: Self.environment)
        }
        #expect(errors?.description.lowercased().contains("hunter") == false)
    }

    @Test("are many")
    func count() {
        #expect(MistakeFixture.all.count >= 40)
        #expect(MistakeFixture.all.flatMap(\.expected).count >= 150)
    }
}
