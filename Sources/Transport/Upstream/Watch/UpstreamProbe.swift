import NIOCore

/// One look at a server, on a connection of its own.
enum UpstreamProbe {
    /// Whether a connection can be made, TLS included.
    static func connects(
        to configuration: UpstreamConfiguration, _ server: UpstreamServer, on loop: any EventLoop
    ) async -> Bool {
        await withCheckedContinuation { continuation in
            loop.execute {
                UpstreamPool(configuration, eventLoop: loop, server: server).testConnection {
                    continuation.resume(returning: $0)
                }
            }
        }
    }

    /// The status of the answer to a health check, nil without one in time.
    static func status(
        of configuration: UpstreamConfiguration, _ check: HealthCheck, _ server: UpstreamServer,
        on loop: any EventLoop
    ) async -> Int? {
        let timeout = TimeAmount(check.timeout)
        var configuration = configuration
        configuration.connectTimeout = timeout
        configuration.firstByteTimeout = timeout
        let head = """
            GET \(check.path) HTTP/1.1\r
            host: \(check.host ?? configuration.address.authority)\r
            user-agent: farebox-health\r
            accept: */*\r

            """
        let settings = configuration
        return await withCheckedContinuation { continuation in
            loop.execute {
                let pool = UpstreamPool(settings, eventLoop: loop, server: server)
                let listener = ProbeListener(pool, timeout: timeout) { continuation.resume(returning: $0) }
                listener.request = pool.start(
                    ByteBuffer(string: head), body: .none, isIdempotent: false, method: .get, handler: listener)
            }
        }
    }
}

/// Waits for the head of the answer; the rest is not read.
private final class ProbeListener: ResponseHandler {
    var request: UpstreamRequest?
    private let pool: UpstreamPool
    private var report: ((Int?) -> Void)?
    private var limit: Scheduled<Void>?

    init(_ pool: UpstreamPool, timeout: TimeAmount, _ report: @escaping (Int?) -> Void) {
        self.pool = pool
        self.report = report
        limit = pool.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [self] in finish(nil) }
    }

    private func finish(_ status: Int?) {
        guard let report else { return }
        self.report = nil
        limit?.cancel()
        limit = nil
        request?.cancel()
        request = nil
        pool.close()
        report(status)
    }

    func responseHead(_ head: ResponseHead) { finish(head.status) }

    func upstreamFailed(_ error: UpstreamError) { finish(nil) }

    func responseEnded(trailers: ByteBuffer?) { finish(nil) }

    func switchedProtocols(_ head: ResponseHead) { finish(nil) }

    func informational(_ head: ResponseHead) {}

    func responseBody(_ bytes: ByteBuffer) {}

    func upstreamWritable() {}

    func readComplete() {}
}
