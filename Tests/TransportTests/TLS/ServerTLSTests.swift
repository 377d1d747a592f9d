import NIOCore
import Testing

@testable import Transport

@Suite("TLS on the server's side")
struct ServerTLSTests {
    private func client(
        _ authority: TestAuthority, _ change: (inout ClientTLSConfiguration) -> Void = { _ in }
    ) throws -> TLSContext {
        var configuration = ClientTLSConfiguration.only(authority.authority)
        change(&configuration)
        return try TLSContext(client: configuration)
    }

    @Test("Both sides shake hands and exchange bytes, however these are cut", arguments: [1, 7, 100, Int.max])
    func pieces(_ piece: Int) async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["localhost"])]))
        let pair = try TLSPair(client(authority), server)
        let shaken = pair.shake(piece: piece)
        #expect(shaken.isDone)
        #expect(pair.server.summary.version == .tls13)
        #expect(pair.server.summary.serverName == "localhost")
        #expect(pair.server.summary.client == nil)
        let long = String(repeating: "0123456789abcdef", count: 5000)
        for text in ["a", long] {
            #expect(pair.send(text, from: pair.client, to: pair.server, piece: piece) == text)
            #expect(pair.send(text, from: pair.server, to: pair.client, piece: piece) == text)
        }
    }

    @Test(
        "The certificate goes by the name asked for, the first where none is for it",
        arguments: [("one.example", "a"), ("deep.two.example", "b"), ("THREE.example", "b"), ("else.example", "a")])
    func names(_ name: String, _ expected: String) async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(
            .init(certificates: [
                await authority.issue("a", for: ["one.example"]),
                await authority.issue("b", for: ["*.two.example", "three.example"]),
            ]))
        let client = try client(authority) { $0.verifiesServer = false }
        let pair = try TLSPair(client, server, name: name)
        #expect(pair.shake().isDone)
        #expect(pair.client.peerSubject == "CN=Test \(expected)")
    }

    @Test("A strict listener refuses names that no certificate is for")
    func strict() async throws {
        let authority = try await TestAuthority()
        var configuration = ServerTLSConfiguration(certificates: [try await authority.issue("a", for: ["one.example"])])
        configuration.isNameStrict = true
        let server = try ServerTLS(configuration)
        let pair = try TLSPair(client(authority), server, name: "one.example")
        #expect(pair.shake().isDone)
        let hosts = ["one.example", "ONE.example:443", "two.example", "sub.one.example"]
        #expect(hosts.map { pair.server.summary.covers($0) } == [true, true, false, false])
        let refused = try TLSPair(client(authority), server, name: "two.example").shake()
        #expect(!refused.isDone)
        #expect(refused.client?.detail?.contains("unrecognized name") == true)
    }

    @Test(
        "ALPN takes our best protocol that the client offers, and no connection without a common one",
        arguments: [
            ([ApplicationProtocol.http2, .http1], [ApplicationProtocol.http2, .http1], ApplicationProtocol.http2),
            ([.http1, .http2], [.http2, .http1], .http2), ([.http2, .http1], [.http1], .http1),
            ([.http1], [.http2, .http1], .http1),
        ])
    func alpn(
        _ asked: [ApplicationProtocol], _ offered: [ApplicationProtocol], _ chosen: ApplicationProtocol
    ) async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["localhost"])]))
        let pair = try TLSPair(client(authority) { $0.protocols = asked }, server, offering: offered)
        #expect(pair.shake().isDone)
        #expect(pair.server.summary.spoken == chosen)
        #expect(pair.client.chosenProtocol == chosen)
        let none = try TLSPair(client(authority) { $0.protocols = [.http2] }, server, offering: [.http1]).shake()
        #expect(none.client?.detail?.contains("no application protocol") == true)
        let silent = try TLSPair(client(authority) { $0.protocols = [] }, server)
        #expect(silent.shake().isDone)
        #expect(silent.server.summary.spoken == nil)
    }

    /// Connects once, and says whether an earlier session was taken up.
    private func connect(_ client: TLSContext, _ server: ServerTLS) throws -> Bool {
        let pair = try TLSPair(client, server)
        #expect(pair.shake().isDone)
        // The tickets of TLS 1.3 come behind the handshake.
        #expect(pair.send("x", from: pair.server, to: pair.client) == "x")
        return pair.server.summary.isResumed
    }

    @Test("Sessions are taken up again, also after a change of certificates, but not under other demands")
    func resumption() async throws {
        let authority = try await TestAuthority()
        let first = try await authority.issue("a", for: ["localhost"])
        let server = try ServerTLS(.init(certificates: [first]))
        let client = try client(authority)
        #expect(try !connect(client, server))
        #expect(try connect(client, server))
        try await server.adopt(.init(certificates: [authority.issue("b", for: ["localhost"])]))
        #expect(try connect(client, server))
        var demanding = ServerTLSConfiguration(certificates: [first])
        demanding.clientCertificates = .optional
        demanding.clientAuthorityFile = authority.authority
        try server.adopt(demanding)
        #expect(try !connect(client, server))
        demanding.givesTickets = false
        let silent = try ServerTLS(demanding)
        #expect(try !connect(client, silent))
        #expect(try !connect(client, silent))
    }

    @Test("A connection goes on under the certificates that it began with")
    func swapUnderWay() async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["localhost"])]))
        let client = try client(authority)
        let (shaking, open) = (try TLSPair(client, server), try TLSPair(client, server))
        #expect(open.shake().isDone)
        try await server.adopt(.init(certificates: [authority.issue("b", for: ["localhost"])]))
        #expect(shaking.shake().isDone)
        #expect(shaking.client.peerSubject == "CN=Test a")
        #expect(open.send("x", from: open.client, to: open.server) == "x")
        let later = try TLSPair(client, server)
        #expect(later.shake().isDone)
        #expect(later.client.peerSubject == "CN=Test b")
    }

    @Test("A bad change leaves what is in force")
    func badSwap() async throws {
        let authority = try await TestAuthority()
        let (a, b) = (
            try await authority.issue("a", for: ["localhost"]), try await authority.issue("b", for: ["localhost"])
        )
        let server = try ServerTLS(.init(certificates: [a]))
        let mixed = ServerTLSConfiguration.Certificate(certificateFile: b.certificateFile, keyFile: a.keyFile)
        #expect(throws: ServerTLSMistake.self) { try server.adopt(.init(certificates: [mixed])) }
        #expect(try TLSPair(client(authority), server).shake().isDone)
    }

    @Test(
        "Client certificates are asked for, demanded, and checked",
        arguments: [
            (ServerTLSConfiguration.ClientCertificates.none, false, true), (.optional, false, true),
            (.required, false, false), (.optional, true, true), (.required, true, true),
        ])
    func clientCertificates(
        _ demand: ServerTLSConfiguration.ClientCertificates, _ shows: Bool, _ succeeds: Bool
    ) async throws {
        let authority = try await TestAuthority()
        var configuration = ServerTLSConfiguration(certificates: [try await authority.issue("a", for: ["localhost"])])
        configuration.clientCertificates = demand
        configuration.clientAuthorityFile = demand == .none ? nil : authority.authority
        let server = try ServerTLS(configuration)
        let own = try await authority.issue("payer")
        let client = try client(authority) {
            if shows { $0.identity = .init(certificateFile: own.certificateFile, keyFile: own.keyFile) }
        }
        for _ in 0..<2 {
            let pair = try TLSPair(client, server)
            let shaken = pair.shake()
            #expect((shaken.server == nil) == succeeds)
            guard succeeds else { continue }
            let shown = pair.server.summary.client
            #expect(shown?.subject == (shows ? "CN=Test payer" : nil))
            #expect(shown?.fingerprint.utf8.count == (shows ? 64 : nil))
        }
    }

    @Test("A client certificate of another authority is refused, also where none is needed")
    func strangeClient() async throws {
        let (authority, strangers) = (try await TestAuthority(), try await TestAuthority())
        var configuration = ServerTLSConfiguration(certificates: [try await authority.issue("a", for: ["localhost"])])
        configuration.clientCertificates = .optional
        configuration.clientAuthorityFile = authority.authority
        let server = try ServerTLS(configuration)
        let stranger = try await strangers.issue("stranger")
        let client = try client(authority) {
            $0.identity = .init(certificateFile: stranger.certificateFile, keyFile: stranger.keyFile)
        }
        #expect(try TLSPair(client, server).shake().server?.code == .certificateNotTrusted)
    }

    @Test("A client asks for and checks another name than the host's where it is told to")
    func nameOverride() async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["inner.example"])]))
        let told = try client(authority) { $0.serverName = "inner.example" }
        let pair = try TLSPair(told, server, name: "10.0.0.1")
        #expect(pair.shake().isDone)
        #expect(pair.server.summary.serverName == "inner.example")
        let plain = try TLSPair(client(authority), server, name: "outer.example").shake()
        #expect(plain.client?.code == .certificateNameMismatch)
    }

    @Test("Garbage and cut records end the connection with an error, and never more than once")
    func garbage() async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["localhost"])]))
        let engine = try server.makeEngine(offering: [.http1])
        engine.receive(ByteBuffer(bytes: [22, 3, 1, 0, 4, 1, 2, 3, 4]))
        guard case .failed(let error) = engine.handshake() else {
            Issue.record("garbage was taken")
            return
        }
        #expect(error.code == .tlsHandshakeFailed)
        engine.receive(ByteBuffer(bytes: [1, 2, 3]))
        guard case .failed = engine.handshake() else {
            Issue.record("went on after a failure")
            return
        }

        let pair = try TLSPair(client(authority), server)
        #expect(pair.shake().isDone)
        _ = Array("hello".utf8).withUnsafeBytes { pair.client.write($0) }
        var record = try #require(pair.client.takeOutput())
        let last = record.writerIndex - 1
        record.setInteger((record.getInteger(at: last) ?? UInt8(0)) ^ 1, at: last)
        pair.server.receive(record)
        var plaintext = ByteBuffer()
        guard case .failed = pair.server.read(into: &plaintext) else {
            Issue.record("a broken record was read")
            return
        }
        #expect(plaintext.readableBytes == 0)
    }

    @Test("A handshake that goes on and on is given up")
    func endlessHandshake() async throws {
        let authority = try await TestAuthority()
        let server = try ServerTLS(.init(certificates: [await authority.issue("a", for: ["localhost"])]))
        let engine = try server.makeEngine(offering: [.http1])
        // A ClientHello that announces 130000 bytes, in records of 16 KiB.
        var bytes = ByteBuffer(bytes: [22, 3, 1, 64, 0, 1, 1, 0xFB, 0xD0, 3, 3])
        bytes.writeRepeatingByte(0, count: 16_384 - 6)
        for round in 0..<5 {
            engine.receive(bytes)
            if case .failed = engine.handshake() {
                #expect(round > 0)
                return
            }
            bytes = ByteBuffer(bytes: [22, 3, 1, 64, 0])
            bytes.writeRepeatingByte(0, count: 16_384)
        }
        Issue.record("the handshake has no end")
    }
}
