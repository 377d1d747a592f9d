import Foundation
import Primitives
import Testing

@testable import Transport

@Suite("The files of a TLS listener")
struct ServerTLSFilesTests {
    private func mistakes(_ configuration: ServerTLSConfiguration) -> [String] {
        ServerTLS.check(configuration).mistakes.map(\.description)
    }

    @Test("Every mistake is told with its place")
    func mistakes() async throws {
        let authority = try await TestAuthority()
        let (a, b) = (try await authority.issue("a", for: ["a.example"]), try await authority.issue("b"))
        let locked = authority.path("locked.key")
        try await authority.openssl(["pkey", "-in", a.keyFile, "-aes256", "-passout", "pass:secret", "-out", locked])
        let junk = authority.path("junk")
        try Data("junk".utf8).write(to: URL(fileURLWithPath: junk))
        let missing = authority.path("missing")
        let table: [(String, String, String?, String)] = [
            (missing, a.keyFile, nil, "certificates[0].cert_file \(missing) cannot be read: No such file or directory"),
            (junk, a.keyFile, nil, "certificates[0].cert_file \(junk) holds no certificate in PEM"),
            (a.keyFile, a.keyFile, nil, "certificates[0].cert_file \(a.keyFile) holds no certificate in PEM"),
            (
                a.certificateFile, missing, nil,
                "certificates[0].key_file \(missing) cannot be read: No such file or directory"
            ),
            (
                a.certificateFile, b.keyFile, nil,
                "certificates[0].key_file \(b.keyFile) is not the key of the certificate"
            ),
            (
                a.certificateFile, locked, nil,
                "certificates[0].key_file \(locked) is protected by a password, which nobody can be asked for; write it without one"
            ),
            (a.certificateFile, a.keyFile, junk, "certificates[0].ocsp_file \(junk) is not an OCSP response in DER"),
            (
                a.certificateFile, a.keyFile, try await authority.status(of: "b"),
                "certificates[0].ocsp_file \(authority.path("b.ocsp")) is about another certificate"
            ),
        ]
        for (certificate, key, status, expected) in table {
            let files = ServerTLSConfiguration.Certificate(
                certificateFile: certificate, keyFile: key, statusFile: status)
            #expect(mistakes(ServerTLSConfiguration(certificates: [files])) == [expected])
        }
        var configuration = ServerTLSConfiguration(certificates: [a, b])
        #expect(mistakes(configuration) == [])
        configuration.ciphers = ["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "NONE-SUCH"]
        #expect(
            mistakes(configuration) == ["ciphers has `NONE-SUCH`, which this OpenSSL does not know or does not allow"])
        configuration.ciphers = ["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "!SHA1"]
        configuration.groups = ["X25519", "P-999"]
        #expect(mistakes(configuration) == ["groups has `P-999`, which this OpenSSL does not know or does not allow"])
        configuration.groups = ["X25519", "P-256"]
        #expect(mistakes(configuration) == [])
        configuration.clientCertificates = .required
        #expect(
            mistakes(configuration)
                == ["client_ca_file is missing: it names the authorities of client certificates"])
        configuration.clientAuthorityFile = junk
        #expect(mistakes(configuration) == ["client_ca_file \(junk) holds no certificate in PEM"])
    }

    @Test("What is out of date is a warning")
    func warnings() async throws {
        let authority = try await TestAuthority()
        let old = try await authority.issue("old", days: -1)
        var good = try await authority.issue("good")
        good.statusFile = try await authority.status(of: "good")
        #expect(ServerTLS.check(ServerTLSConfiguration(certificates: [good])).warnings.isEmpty)
        let tomorrow = Int(Date().timeIntervalSince1970) + 25 * 3600
        let checked = ServerTLS.check(ServerTLSConfiguration(certificates: [old, good]), now: tomorrow)
        #expect(checked.mistakes.isEmpty)
        #expect(
            checked.warnings.map(\.description) == [
                "certificates[0].cert_file has expired: clients refuse it",
                "certificates[1].ocsp_file is out of date and is not sent",
            ])
    }

    @Test(
        "A name meets its certificate exactly, or by one label in place of an asterisk",
        arguments: [
            ("a.example", 0), ("A.Example.", 0), ("b.example", 1), ("x.b.example", 2), ("x.y.b.example", nil),
            (".b.example", nil), ("example", nil), ("", nil), ("c.example", 0),
        ] as [(String, Int?)])
    func names(_ name: String, _ certificate: Int?) {
        var names = ServerNames()
        for (index, all) in [["a.example", "c.example"], ["b.example", "c.example"], ["*.b.example"]].enumerated() {
            for name in all { names.add(name, of: index) }
        }
        names.add("*.*.d.example", of: 3)
        names.add("x*.d.example", of: 3)
        #expect(names.certificate(for: name) == certificate)
        #expect(names.certificate(for: "xy.d.example") == nil)
    }

    @Test("A ticket key seals for twelve hours and opens for as long again")
    func ticketKeys() {
        let clock = TestClock()
        let keys = TicketKeys(now: { clock.now })
        func opens(_ key: TicketKeys.Key) -> String {
            key.name.withBytes { name in
                switch keys.opening(UnsafeRawBufferPointer(rebasing: name[..<TicketKeys.nameBytes])) {
                case .current: "current"
                case .previous: "previous"
                case .unknown: "unknown"
                }
            }
        }
        let first = keys.sealing()
        clock.now += TicketKeys.lifetime - .seconds(1)
        #expect(keys.sealing().name == first.name)
        clock.now += .seconds(1)
        let second = keys.sealing()
        #expect(second.name != first.name)
        #expect(opens(first) == "previous")
        #expect(opens(second) == "current")
        clock.now += TicketKeys.lifetime
        #expect(opens(first) == "unknown")
        #expect(opens(second) == "previous")
        clock.now += TicketKeys.lifetime * 2
        #expect(opens(second) == "unknown")
    }
}

/// A clock that is set by hand.
private final class TestClock: @unchecked Sendable {
    var now: Duration = .zero
}
