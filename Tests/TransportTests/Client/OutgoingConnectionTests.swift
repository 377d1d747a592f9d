import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("One outgoing connection")
struct OutgoingConnectionTests {
    /// What the connection asked of the list of kept connections.
    private final class Shelf {
        var kept = 0
        var withdrawn = 0
        var isWanted = true
        var isThere = true
    }

    private let channel = EmbeddedChannel()
    private let shelf = Shelf()
    private let connection: OutgoingConnection

    init() throws {
        let shelf = shelf
        connection = OutgoingConnection(
            limits: OutgoingLimits(), isSecure: false,
            keep: { _ in
                shelf.kept += 1
                return shelf.isWanted
            },
            withdraw: {
                shelf.withdrawn += 1
                return shelf.isThere
            })
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func exchange(_ method: String = "GET") throws -> OutgoingExchange {
        let url = try #require(OutgoingURL("http://a.example/"))
        let message = try RequestMessage(OutgoingRequest(method: method, url: url))
        return OutgoingExchange(message, loop: channel.eventLoop)
    }

    /// Runs `events`, which must end the exchange, and returns how it ended.
    private func outcome(
        of exchange: OutgoingExchange, timeout: TimeAmount = .seconds(3600), _ events: () throws -> Void
    ) async throws -> OutgoingExchange.Outcome {
        var failure: (any Error)?
        let outcome = await withCheckedContinuation { continuation in
            exchange.begin(continuation, until: .now() + timeout)
            do { try events() } catch { failure = error }
            exchange.fail(.deadlineExceeded)
        }
        if let failure { throw failure }
        return outcome
    }

    private func answered(_ exchange: OutgoingExchange) async throws {
        let outcome = try await outcome(of: exchange) {
            connection.start(exchange)
            try channel.writeInbound(ByteBuffer(string: answer("ok")))
        }
        guard case .response(let response) = outcome else {
            Issue.record("not answered: \(outcome)")
            return
        }
        #expect(response.status == 200)
    }

    @Test("After an answer the connection is kept until its idle time is over")
    func idleTime() async throws {
        try await answered(exchange())
        #expect(shelf.kept == 1)
        channel.embeddedEventLoop.advanceTime(by: .seconds(29))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        #expect(shelf.withdrawn > 0)
    }

    @Test("A connection that a caller has just been given outlives its idle time")
    func idleTimeRace() async throws {
        try await answered(exchange())
        shelf.isThere = false
        channel.embeddedEventLoop.advanceTime(by: .seconds(30))
        #expect(channel.isActive)
        try await answered(exchange("POST"))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("A connection that is not wanted closes")
    func unwanted() async throws {
        shelf.isWanted = false
        try await answered(exchange())
        #expect(!channel.isActive)
    }

    @Test("Bytes that nobody asked for close a kept connection")
    func unsolicited() async throws {
        try await answered(exchange())
        try channel.writeInbound(ByteBuffer(string: answer("evil")))
        #expect(!channel.isActive)
        #expect(shelf.withdrawn == 1)
    }

    @Test("A request for a connection that died unseen was not sent, and may go elsewhere whatever it is")
    func diedUnseen() async throws {
        try await answered(exchange())
        try await channel.close()
        let late = try exchange("POST")
        let outcome = try await outcome(of: late) { connection.start(late) }
        guard case .stale(let error) = outcome else {
            Issue.record("not stale: \(outcome)")
            return
        }
        #expect(!error.mayHaveBeenSent)
    }

    @Test("A call that ended before its start leaves the connection to the next")
    func endedBeforeStart() async throws {
        try await answered(exchange())
        let cancelled = try exchange()
        cancelled.fail(.cancelled)
        connection.start(cancelled)
        #expect(shelf.kept == 2)
        #expect(channel.isActive)
        try await answered(exchange())
        #expect(shelf.kept == 3)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("An early end of the call closes the connection")
    func brokenOff() async throws {
        let exchange = try exchange()
        let outcome = try await outcome(of: exchange) {
            connection.start(exchange)
            exchange.fail(.cancelled)
        }
        guard case .failed(let error) = outcome else {
            Issue.record("not failed: \(outcome)")
            return
        }
        #expect(error.code == .cancelled)
        #expect(error.mayHaveBeenSent)
        #expect(!channel.isActive)
        #expect(shelf.kept == 0)
    }

    @Test("A first connection that dies without an answer is no reason to try again")
    func freshDies() async throws {
        let exchange = try exchange()
        let outcome = try await outcome(of: exchange) {
            connection.start(exchange)
            channel.pipeline.fireChannelInactive()
        }
        guard case .failed(let error) = outcome else {
            Issue.record("not failed: \(outcome)")
            return
        }
        #expect(error.code == .connectionClosed)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("An answer that comes before the whole request has left is taken, and its connection closed")
    func earlyAnswer() async throws {
        let hold = WriteHolder()
        try channel.pipeline.syncOperations.addHandler(hold, position: .first)
        try await answered(exchange("POST"))
        #expect(shelf.kept == 0)
        #expect(!channel.isActive)
        for promise in hold.promises { promise.fail(ChannelError.ioOnClosedChannel) }
    }

    /// Lets no write through.
    private final class WriteHolder: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var promises: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if let promise { promises.append(promise) }
        }
    }
}
