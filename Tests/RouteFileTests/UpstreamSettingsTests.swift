import Foundation
import NIOCore
import RouteFile
import Testing
import Transport

@Suite("[[upstreams]] that are looked after")
struct UpstreamSettingsTests {
    private func upstream(_ keys: String) throws -> UpstreamGroupConfiguration {
        let table = "[[upstreams]]\nname = \"far\"\n\(keys)\n"
        return try RouteFile.parse(text: SmallFile.text(routes: "", rest: table)).upstreams[1].configuration
    }

    @Test("have no checks unless the file asks for them, then by these defaults")
    func checks() throws {
        let plain = try upstream("url = \"http://127.0.0.1:9001\"")
        #expect(plain.health == nil)
        #expect(plain.resolveInterval == .seconds(30))
        #expect(plain.members[0].configuration.tls == nil)
        let short = try upstream("url = \"http://127.0.0.1:9001\"\nhealth = { path = \"/up\" }")
        #expect(short.health == HealthCheck(path: "/up"))
        let whole = try upstream(
            """
            url = "http://127.0.0.1:9001"
            resolve_interval = "1m"
            [upstreams.health]
            path = "/up?deep=1"
            host = "api.internal"
            interval = "10s"
            timeout = "500ms"
            healthy = 1
            unhealthy = 2
            status = ["2xx", "404"]
            """)
        #expect(whole.resolveInterval == .seconds(60))
        var check = HealthCheck(path: "/up?deep=1")
        check.host = "api.internal"
        check.interval = .seconds(10)
        check.timeout = .milliseconds(500)
        check.healthy = 1
        check.unhealthy = 2
        check.statuses = [200...299, 404...404]
        #expect(whole.health == check)
    }

    @Test("speak what the file says, or over https what they choose")
    func spoken() throws {
        let plain = try upstream("url = \"http://127.0.0.1:9001\"").members[0].configuration
        #expect(plain.protocol == .auto)
        let whole = try upstream(
            """
            url = "unix:/run/api.sock"
            protocol = "h2"
            http2_max_streams = 7
            http2_stream_window = "1MiB"
            http2_connection_window = "8MiB"
            """
        ).members[0].configuration
        #expect(whole.protocol == .http2)
        #expect(whole.http2.maxStreams == 7)
        #expect(whole.http2.streamWindow == 1 << 20 && whole.http2.connectionWindow == 8 << 20)
    }

    @Test("are verified over TLS, all of them, by what the file names")
    func https() throws {
        let folder = try CertificateFolder()
        let servers = "servers = [\"https://a.internal\", \"https://b.internal:9443\"]"
        let usual = try upstream(servers)
        #expect(usual.members.map(\.configuration.tls?.configuration) == [.systemTrust, .systemTrust])
        let (certificate, key) = ("\(folder.path)api.pem", "\(folder.path)api.key")
        let own = try upstream(
            """
            \(servers)
            [upstreams.tls]
            ca_file = "\(certificate)"
            server_name = "api.internal"
            cert_file = "\(certificate)"
            key_file = "\(key)"
            """)
        var expected = ClientTLSConfiguration.only(certificate)
        expected.serverName = "api.internal"
        expected.identity = .init(certificateFile: certificate, keyFile: key)
        #expect(own.members.map(\.configuration.tls?.configuration) == [expected, expected])
    }
    @Test("have connections of their own after a file of their TLS was renewed")
    func renewed() throws {
        let folder = try CertificateFolder()
        let file = "\(folder.path)api.pem"
        func described() throws -> String {
            let keys = "url = \"https://a.internal\"\ntls = { ca_file = \"\(file)\" }"
            return "\(try upstream(keys).members[0].configuration)"
        }
        let before = try described()
        #expect(try described() == before)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try (text + text).write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try described() != before)
    }
}
