import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("The outgoing client over plain connections")
struct OutgoingClientTests {
    private func request(
        _ server: ScriptedServer, _ method: String = "GET", body: [UInt8] = [], timeout: Duration = .seconds(60),
        maxResponseBytes: Int = 1 << 20, isIdempotent: Bool? = nil
    ) throws -> OutgoingRequest {
        let url = try #require(OutgoingURL("\(server.url)/path"))
        return OutgoingRequest(
            method: method, url: url, body: body, timeout: timeout, maxResponseBytes: maxResponseBytes,
            isIdempotent: isIdempotent)
    }

    private func expect(
        _ body: String, _ client: OutgoingClient, _ request: OutgoingRequest,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let response = try await client.send(request)
        #expect(String(decoding: response.body, as: UTF8.self) == body, sourceLocation: location)
    }

    private func failure(_ client: OutgoingClient, _ request: OutgoingRequest) async throws -> TransportError {
        do throws(TransportError) {
            let response = try await client.send(request)
            Issue.record("answered with \(response.status)")
            return TransportError(.cancelled)
        } catch {
            return error
        }
    }

    @Test("A request arrives as written, and its answer comes back whole")
    func roundTrip() async throws {
        try await withScriptedServer({ _ in
            .bytes(answer("{\"isValid\":true}", "Content-Type: application/json", "X-Twice: 1", "x-twice: 2"))
        }) { server, client in
            let response = try await client.send(request(server, "POST", body: Array("{\"a\":1}".utf8)))
            #expect(response.status == 200)
            #expect(String(decoding: response.body, as: UTF8.self) == "{\"isValid\":true}")
            #expect(response.value(of: "content-type") == "application/json")
            #expect(response.values(of: "X-TWICE") == ["1", "2"])
            #expect(response.value(of: "x-twice") == nil)
            let seen = try #require(server.requests.first)
            #expect(
                seen.head == "POST /path HTTP/1.1\r\nhost: 127.0.0.1:\(server.port)\r\n"
                    + "user-agent: farebox\r\ncontent-length: 7")
            #expect(seen.body == Array("{\"a\":1}".utf8))
        }
    }

    @Test("A connection is used again, and after a chunked answer too")
    func reuse() async throws {
        try await withScriptedServer({ request in
            request.number == 1
                ? .bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
                : .bytes(answer("ok"))
        }) { server, client in
            for _ in 0..<5 {
                try await expect("ok", client, request(server))
            }
            #expect(server.acceptedCount == 1)
            #expect(server.requests.map(\.number) == [1, 2, 3, 4, 5])
            #expect(client.openConnections == 1)
            #expect(client.idleConnections == 1)
        }
    }

    @Test(
        "A connection is not used again when the answer forbids it",
        arguments: [
            answer("ok", "connection: close"), "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            answer("ok") + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        ])
    func noReuse(_ bytes: String) async throws {
        try await withScriptedServer({ _ in .bytes(bytes) }) { server, client in
            for _ in 0..<2 {
                try await expect("ok", client, request(server))
            }
            #expect(server.requests.map(\.connection) == [1, 2])
            try await server.allClosed()
        }
    }

    @Test("A body that ends with the connection is taken whole")
    func untilClose() async throws {
        try await withScriptedServer({ _ in .last("HTTP/1.1 200 OK\r\n\r\nall of it") }) { server, client in
            try await expect("all of it", client, request(server))
            #expect(client.idleConnections == 0)
        }
    }

    @Test("A redirect is an answer like any other", arguments: [301, 302, 303, 307, 308])
    func redirect(_ status: Int) async throws {
        try await withScriptedServer({ _ in
            .bytes(answer("", status: "\(status) Elsewhere", "location: http://127.0.0.1:1/"))
        }) { server, client in
            let response = try await client.send(request(server))
            #expect(response.status == status)
            #expect(response.value(of: "location") == "http://127.0.0.1:1/")
            #expect(server.requests.count == 1)
        }
    }

    @Test("A dead kept connection is replaced once for an idempotent request")
    func staleRetried() async throws {
        try await withScriptedServer({ request in
            request.number == 1 ? .bytes(answer("\(request.connection)")) : .close
        }) { server, client in
            try await expect("1", client, request(server))
            try await expect("2", client, request(server))
            try await expect("3", client, request(server, "POST", isIdempotent: true))
            #expect(server.requests.map(\.connection) == [1, 1, 2, 2, 3])
        }
    }

    @Test("A request that may not be sent twice fails on a dead kept connection, and says that it was sent")
    func staleNotRetried() async throws {
        try await withScriptedServer({ request in
            request.number == 1 ? .bytes(answer("ok")) : .close
        }) { server, client in
            _ = try await client.send(request(server))
            let error = try await failure(client, request(server, "POST"))
            #expect(error.code == .connectionClosed)
            #expect(error.mayHaveBeenSent)
            #expect(server.requests.count == 2)
        }
    }

    @Test("A request is retried once, and never after a byte of its answer", arguments: ["", "HTTP/1.1 200 OK\r\n"])
    func retriedOnce(_ partial: String) async throws {
        try await withScriptedServer({ request in
            request.connection == 1 && request.number == 1 ? .bytes(answer("ok")) : .last(partial)
        }) { server, client in
            _ = try await client.send(request(server))
            let error = try await failure(client, request(server))
            #expect(error.code == .connectionClosed)
            #expect(error.mayHaveBeenSent)
            #expect(server.requests.map(\.connection) == (partial.isEmpty ? [1, 1, 2] : [1, 1]))
        }
    }

    @Test("A call ends at its deadline, and its connection with it", arguments: ["", "HTTP/1.1 200 OK\r\n\r\nbegun"])
    func deadline(_ partial: String) async throws {
        try await withScriptedServer({ _ in .bytes(partial) }) { server, client in
            let error = try await failure(client, request(server, timeout: .milliseconds(200)))
            #expect(error.code == .deadlineExceeded)
            try await server.allClosed()
        }
    }

    @Test("A cancelled call closes its connection")
    func cancellation() async throws {
        try await withScriptedServer({ _ in .nothing }) { server, client in
            let call = Task { [request = try request(server, "POST")] in try await failure(client, request) }
            for await _ in server.arrivals { break }
            call.cancel()
            let error = try await call.value
            #expect(error.code == .cancelled)
            #expect(error.mayHaveBeenSent)
            try await server.allClosed()
        }
    }

    @Test("A call that is cancelled before it starts connects to nothing")
    func cancelledBefore() async throws {
        try await withScriptedServer({ _ in .bytes(answer("ok")) }) { server, client in
            let (gate, open) = AsyncStream.makeStream(of: Void.self)
            let call = Task { [request = try request(server)] in
                for await _ in gate {}
                return try await failure(client, request)
            }
            call.cancel()
            open.finish()
            let error = try await call.value
            #expect(error.code == .cancelled)
            #expect(!error.mayHaveBeenSent)
            #expect(server.acceptedCount == 0)
        }
    }

    @Test(
        "A body over the limit ends the call while it arrives",
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11\r\n" + String(repeating: "x", count: 17),
            "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 17),
        ])
    func tooLarge(_ bytes: String) async throws {
        try await withScriptedServer({ _ in .bytes(bytes) }) { server, client in
            let error = try await failure(client, request(server, maxResponseBytes: 16))
            #expect(error.code == .responseTooLarge)
            try await server.allClosed()
        }
    }

    @Test(
        "Garbage is refused and its connection closed",
        arguments: ["garbage\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\u{0}\r\n\r\n"])
    func garbage(_ bytes: String) async throws {
        try await withScriptedServer({ _ in .bytes(bytes) }) { server, client in
            let error = try await failure(client, request(server))
            #expect(error.code == .malformedResponse)
            #expect(error.mayHaveBeenSent)
            try await server.allClosed()
        }
    }

    @Test("Sixty-four calls at once each get their own answer, and few connections stay")
    func concurrent() async throws {
        try await withScriptedServer({ request in
            .bytes(answer(String(decoding: request.body, as: UTF8.self)))
        }) { server, client in
            try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
                for number in 0..<64 {
                    let request = try request(server, "POST", body: Array("\(number)".utf8))
                    group.addTask { (number, try await client.send(request).body) }
                }
                for try await (number, body) in group { #expect(body == Array("\(number)".utf8)) }
            }
            #expect(server.requests.count == 64)
            #expect((1...8).contains(client.idleConnections))
        }
    }

    @Test("The limit of connections refuses the next call at once")
    func tooMany() async throws {
        var limits = OutgoingLimits()
        limits.maxConnections = 1
        try await withScriptedServer(limits: limits, { _ in .nothing }) { server, client in
            let first = Task { [request = try request(server)] in try await failure(client, request) }
            for await _ in server.arrivals { break }
            let error = try await failure(client, request(server))
            #expect(error.code == .tooManyConnections)
            #expect(!error.mayHaveBeenSent)
            first.cancel()
            _ = try await first.value
        }
    }

    @Test("An unused connection is closed after its idle time")
    func idleTimeout() async throws {
        var limits = OutgoingLimits()
        limits.idleTimeout = .milliseconds(5)
        try await withScriptedServer(limits: limits, { _ in .bytes(answer("ok")) }) { server, client in
            _ = try await client.send(request(server))
            try await server.allClosed()
            #expect(client.idleConnections == 0)
            try await expect("ok", client, request(server))
            #expect(server.acceptedCount == 2)
        }
    }

    @Test("No more unused connections are kept than the limits say", arguments: [(0, 64), (2, 64), (8, 1)])
    func idleLimits(_ perOrigin: Int, _ total: Int) async throws {
        var limits = OutgoingLimits()
        limits.maxIdlePerOrigin = perOrigin
        limits.maxIdle = total
        try await withScriptedServer(limits: limits, { _ in .bytes(answer("ok")) }) { server, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    let request = try request(server)
                    group.addTask { _ = try await client.send(request) }
                }
                try await group.waitForAll()
            }
            #expect(client.idleConnections <= min(perOrigin, total))
        }
    }

    @Test("Shutting down fails what is under way, closes everything, and refuses the rest")
    func shutdown() async throws {
        try await withScriptedServer({ request in
            request.head.hasPrefix("GET") ? .bytes(answer("ok")) : .nothing
        }) { server, client in
            let call = Task { [request = try request(server, "POST")] in try await failure(client, request) }
            for await _ in server.arrivals { break }
            _ = try await client.send(request(server))
            await client.shutdown()
            #expect(try await call.value.code == .shutDown)
            #expect(client.openConnections == 0)
            try await server.allClosed()
            let error = try await failure(client, request(server))
            #expect(error.code == .shutDown)
            #expect(!error.mayHaveBeenSent)
        }
    }

    @Test("A forgotten client closes its connections")
    func forgotten() async throws {
        let server = try await ScriptedServer { _ in .bytes(answer("ok")) }
        do {
            let client = try OutgoingClient(group: MultiThreadedEventLoopGroup.singleton)
            _ = try await client.send(request(server))
            #expect(client.idleConnections == 1)
        }
        try await server.allClosed()
        try await server.stop()
    }

    @Test("A refused connection says so, with the origin and without the path")
    func refused() async throws {
        let server = try await ScriptedServer { _ in .nothing }
        let request = try request(server)
        try await server.stop()
        let client = try OutgoingClient(group: MultiThreadedEventLoopGroup.singleton)
        let error = try await failure(client, request)
        #expect(error.code == .connectFailed)
        #expect(!error.mayHaveBeenSent)
        #expect(error.detail?.hasPrefix("http://127.0.0.1:\(server.port): ") == true)
        #expect(!error.description.contains("path"))
        await client.shutdown()
    }

    @Test("A name without an address says so")
    func unknownName() async throws {
        let client = try OutgoingClient(group: MultiThreadedEventLoopGroup.singleton)
        // RFC 6761 §6.4: names under "invalid" never resolve.
        let url = try #require(OutgoingURL("http://nothing.invalid/"))
        let error = try await failure(client, OutgoingRequest(url: url))
        #expect(error.code == .nameNotResolved)
        await client.shutdown()
    }

    @Test("A file of certificates that cannot be read is a configuration error")
    func missingAuthorities() {
        let error = #expect(throws: TransportError.self) {
            try OutgoingClient(
                group: MultiThreadedEventLoopGroup.singleton, tls: .only("/nonexistent/authorities.pem"))
        }
        #expect(error?.code == .invalidConfiguration)
    }
}
