import RouteFile
import Testing
import Transport

@Suite("[server.tls]")
struct TLSSettingsTests {
    private func file(_ server: String = "", tls: String = "", key: String = "api.key") throws -> RouteFile {
        let folder = try CertificateFolder()
        let table = """
            \(server)
            [server.tls]
            \(tls)
            [[server.tls.certificates]]
            cert_file = "\(folder.path)api.pem"
            key_file = "\(folder.path)\(key)"
            """
        return try RouteFile.parse(text: SmallFile.text(server: table))
    }

    @Test("takes the place of the plain listener, unless that is written")
    func listeners() throws {
        let alone = try file(tls: "listen = \"127.0.0.1:8443\"")
        #expect(alone.server.listen.isEmpty)
        #expect(alone.server.publicURL == "https://127.0.0.1:8443")
        #expect(alone.warnings.isEmpty)
        let both = try file("listen = \"127.0.0.1:8080\"", tls: "listen = \"127.0.0.1:443\"")
        #expect(both.server.listen.map(\.description) == ["127.0.0.1:8080"])
        #expect(both.server.publicURL == "https://127.0.0.1")
        let none = try RouteFile.parse(text: SmallFile.text())
        #expect(none.server.tls == nil)
        #expect(none.server.publicURL == "http://127.0.0.1:8402")
    }

    @Test("warns of origins that payers cannot use")
    func origins() throws {
        #expect(try file().warnings.map(\.key) == ["server.public_url"])
        let plain = try file("public_url = \"http://api.example.com\"")
        #expect(plain.warnings.map(\.reason) == ["is not https, while every listener speaks TLS"])
        #expect(try file("public_url = \"https://api.example.com\"").warnings.isEmpty)
    }

    @Test("tells a key that is another certificate's, and an address that is taken")
    func mistakes() throws {
        let key = #expect(throws: RouteFileErrors.self) { try file(key: "other.key") }
        #expect(key?.mistakes.map(\.key) == ["server.tls.certificates[0].key_file"])
        #expect(key?.mistakes.first?.reason.hasSuffix("other.key is not the key of the certificate") == true)
        let taken = #expect(throws: RouteFileErrors.self) {
            try file("listen = \"127.0.0.1:8443\"", tls: "listen = \"127.0.0.1:8443\"")
        }
        #expect(taken?.mistakes.map(\.key) == ["server.tls.listen"])
    }
}
