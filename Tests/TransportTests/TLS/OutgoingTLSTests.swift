import Foundation
import NIOPosix
import Testing

@testable import Transport

@Suite("The outgoing client over TLS")
struct OutgoingTLSTests {
    private struct About: Decodable {
        let connection: Int
        let name: String?
        let `protocol`: String?
        let version: String
    }

    private func get(_ client: OutgoingClient, _ url: OutgoingURL?) async throws -> OutgoingResponse {
        try await client.send(OutgoingRequest(url: try #require(url), timeout: .seconds(60)))
    }

    private func about(
        _ client: OutgoingClient, _ server: TLSTestServer, host: String = "localhost"
    ) async throws -> About {
        let response = try await get(client, server.url("/about", host: host))
        return try JSONDecoder().decode(About.self, from: Data(response.body))
    }

    private func failure(_ client: OutgoingClient, _ url: OutgoingURL?) async throws -> TransportError {
        do {
            let response = try await get(client, url)
            Issue.record("answered with \(response.status)")
            return TransportError(.cancelled)
        } catch let error as TransportError {
            return error
        }
    }

    @Test("A good server is asked by name, in HTTP/1.1, over a connection that is kept")
    func good() async throws {
        try await withTLSServer(.good) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                for _ in 0..<3 {
                    let about = try await about(client, server)
                    #expect(about.connection == 1)
                    #expect(about.name == "localhost")
                    #expect(about.protocol == "http/1.1")
                    #expect(about.version == "TLSv1.3")
                }
            }
        }
    }

    @Test("TLS 1.2 is still spoken")
    func version12() async throws {
        try await withTLSServer(.good, maxVersion: "TLSv1_2") { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let about = try await about(client, server)
                #expect(about.version == "TLSv1.2")
                let response = try await get(client, server.url("/until-close"))
                #expect(response.body == Array("all of it".utf8))
            }
        }
    }

    @Test("TLS 1.1 is not", arguments: ["TLSv1", "TLSv1_1"])
    func version11(_ version: String) async throws {
        try await withTLSServer(.good, maxVersion: version) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let error = try await failure(client, server.url("/about"))
                #expect(error.code == .tlsHandshakeFailed)
                #expect(error.detail?.contains("version") == true || error.detail?.contains("protocol") == true)
                #expect(!error.mayHaveBeenSent)
            }
        }
    }

    @Test("A certificate for an address is good for this address, which is not sent as a name")
    func address() async throws {
        try await withTLSServer(.address) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let about = try await about(client, server, host: "127.0.0.1")
                #expect(about.name == nil)
            }
        }
    }

    @Test(
        "A wrong certificate ends the call before anything is sent",
        arguments: [
            (TestCertificates.Kind.expired, "localhost", TransportError.Code.certificateExpired),
            (.wrongName, "localhost", .certificateNameMismatch), (.wrongName, "127.0.0.1", .certificateNameMismatch),
            (.good, "127.0.0.1", .certificateNameMismatch), (.address, "localhost", .certificateNameMismatch),
            (.commonNameOnly, "localhost", .certificateNameMismatch),
            (.unknownIssuer, "localhost", .certificateNotTrusted), (.selfSigned, "localhost", .certificateNotTrusted),
        ])
    func wrong(_ kind: TestCertificates.Kind, _ host: String, _ code: TransportError.Code) async throws {
        try await withTLSServer(kind) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let error = try await failure(client, server.url("/about", host: host))
                #expect(error.code == code)
                #expect(error.detail?.hasPrefix("https://\(host):\(server.port): ") == true)
                #expect(!error.mayHaveBeenSent)
            }
        }
    }

    @Test("A private authority is trusted only where it is named, beside the system's or alone")
    func trust() async throws {
        try await withTLSServer(.good) { server, certificates in
            try await withClient(.systemTrust) { client in
                let error = try await failure(client, server.url("/about"))
                #expect(error.code == .certificateNotTrusted)
            }
            for tls in [
                ClientTLSConfiguration.only(certificates.authority), .systemTrust(adding: certificates.authority),
            ] {
                try await withClient(tls) { client in
                    let response = try await get(client, server.url("/about"))
                    #expect(response.status == 200)
                }
            }
        }
    }

    @Test("Bodies of any size go both ways unchanged")
    func sizes() async throws {
        try await withTLSServer(.good) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let url = try #require(server.url("/echo"))
                for count in [0, 1, 16_383, 16_384, 16_385, 100_000, 3_000_000] {
                    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
                    let response = try await client.send(
                        OutgoingRequest(method: "POST", url: url, body: body, maxResponseBytes: count))
                    #expect(response.body == body, "\(count) bytes")
                }
                let about = try await about(client, server)
                #expect(about.connection == 1)
            }
        }
    }

    @Test("A body that ends with the session is whole only if the server says so")
    func truncation() async throws {
        try await withTLSServer(.good) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let whole = try await get(client, server.url("/until-close"))
                #expect(whole.body == Array("all of it".utf8))
                let error = try await failure(client, server.url("/truncated"))
                #expect(error.code == .truncated)
                #expect(error.mayHaveBeenSent)
            }
        }
    }

    @Test("The client announces the end of its session")
    func closeNotify() async throws {
        try await withTLSServer(.good) { server, certificates in
            let tls = ClientTLSConfiguration.only(certificates.authority)
            try await withClient(tls) { client in
                let about = try await about(client, server)
                #expect(about.connection == 1)
            }
            try await withClient(tls) { client in
                let response = try await get(client, server.url("/ending/1"))
                #expect(String(decoding: response.body, as: UTF8.self) == "announced")
            }
        }
    }

    @Test("Sixty-four calls at once each get their own answer")
    func concurrent() async throws {
        try await withTLSServer(.good) { server, certificates in
            try await withClient(.only(certificates.authority)) { client in
                let url = try #require(server.url("/echo"))
                try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
                    for number in 0..<64 {
                        let body = Array("\(number)".utf8)
                        let request = OutgoingRequest(method: "POST", url: url, body: body, timeout: .seconds(60))
                        group.addTask { (number, try await client.send(request).body) }
                    }
                    for try await (number, body) in group { #expect(body == Array("\(number)".utf8)) }
                }
            }
        }
    }

    @Test("A server that never shakes hands is given up after the connect timeout")
    func silentServer() async throws {
        var limits = OutgoingLimits()
        limits.connectTimeout = .milliseconds(200)
        try await withScriptedServer(limits: limits, { _ in .nothing }) { server, client in
            let error = try await failure(client, OutgoingURL("https://127.0.0.1:\(server.port)/"))
            #expect(error.code == .connectTimeout)
            #expect(!error.mayHaveBeenSent)
            try await server.allClosed()
        }
    }

    @Test("A call that is cancelled in the handshake closes its connection")
    func cancelledInHandshake() async throws {
        var limits = OutgoingLimits()
        // A busy machine must not be taken for a server that is too slow.
        limits.connectTimeout = .seconds(60)
        try await withScriptedServer(limits: limits, { _ in .nothing }) { server, client in
            let call = Task { [port = server.port] in
                try await failure(client, OutgoingURL("https://127.0.0.1:\(port)/"))
            }
            for await _ in server.acceptances { break }
            call.cancel()
            let error = try await call.value
            #expect(error.code == .cancelled)
            #expect(!error.mayHaveBeenSent)
            try await server.allClosed()
        }
    }
}
