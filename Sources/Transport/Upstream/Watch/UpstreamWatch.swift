package import NIOCore

/// Looks after the servers of a process: checks, tests, addresses.
///
/// One for all event loops.
package struct UpstreamWatch: Sendable {
    /// What has changed with a server.
    package enum News: Sendable, Equatable {
        case up
        /// Its health checks fail.
        case down
        /// It failed, and is left alone for a while.
        case leftAlone
        /// Its name has no address, or nobody can tell; those known before stay.
        case notResolved
        case resolved([SocketAddress])
    }

    /// How often it is looked what is due.
    private static let tick: Duration = .milliseconds(250)

    private let book: UpstreamBook
    private let group: any EventLoopGroup
    private let report: @Sendable (_ upstream: String, _ server: String, News) -> Void

    /// - Parameter group: Whose loops make the connections.
    package init(
        _ book: UpstreamBook, group: any EventLoopGroup,
        report: @escaping @Sendable (_ upstream: String, _ server: String, News) -> Void
    ) {
        self.book = book
        self.group = group
        self.report = report
    }

    /// Runs until it is cancelled.
    ///
    /// What is under way then ends by itself: a server or a resolver that hangs holds up no shutdown.
    package func run() async {
        var charges: [Charge] = []
        while !Task.isCancelled {
            charges = renewed(charges)
            for index in charges.indices {
                for duty in charges[index].due(now: .now()) {
                    let charge = charges[index]
                    Task { await perform(duty, charge) }
                }
                if let news = charges[index].change() { tell(news, charges[index]) }
            }
            try? await Task.sleep(for: Self.tick)
        }
    }

    /// The servers in force, those of before with what is known of them.
    private func renewed(_ charges: [Charge]) -> [Charge] {
        book.watched.map { watched in
            guard var known = charges.first(where: { $0.watched.server === watched.server }) else {
                return Charge(watched)
            }
            known.watched = watched
            return known
        }
    }

    private func perform(_ duty: Charge.Duty, _ charge: Charge) async {
        let (server, group) = (charge.watched.server, charge.watched.group)
        let configuration = charge.watched.member.configuration
        defer { charge.ended(duty) }
        switch duty {
        case .check(let check):
            let status = await UpstreamProbe.status(of: configuration, check, server, on: self.group.next())
            let passed = status.map(check.passes) ?? false
            server.change { $0.checked(passed: passed, check: check, now: .now()) }
        case .test:
            let succeeded = await UpstreamProbe.connects(to: configuration, server, on: self.group.next())
            let jitter = Double.random(in: 0..<1)
            server.change {
                $0.connectionTested(succeeded: succeeded, policy: group.breaker, now: .now(), jitter: jitter)
            }
        case .resolve(let host, let port):
            let found = await NameResolution.addresses(of: host, port: port)
            if server.resolved(found) { tell(found.isEmpty ? .notResolved : .resolved(found), charge) }
        }
    }

    private func tell(_ news: News, _ charge: Charge) {
        report(charge.watched.group.name, charge.watched.member.configuration.address.description, news)
    }
}

/// One server with what is to be done for it, and when.
private struct Charge {
    enum Duty {
        case check(HealthCheck)
        /// A connection to a server that was left alone.
        case test
        case resolve(String, Int)
    }

    var watched: UpstreamBook.Watched
    private var nextCheck = NIODeadline.uptimeNanoseconds(0)
    private var nextResolution = NIODeadline.uptimeNanoseconds(0)
    private var told = ServerCondition.Word.up

    init(_ watched: UpstreamBook.Watched) { self.watched = watched }

    /// What is due and not under way; it counts as begun.
    mutating func due(now: NIODeadline) -> [Duty] {
        var duties: [Duty] = []
        let server = watched.server
        if let check = watched.group.health, now >= nextCheck, server.begin(.check) {
            nextCheck = now + TimeAmount(check.interval)
            duties.append(.check(check))
        }
        if let chance = server.present.nextChance, now >= chance, server.begin(.test) { duties.append(.test) }
        if let (host, port) = watched.member.configuration.address.name, now >= nextResolution, server.begin(.resolve) {
            nextResolution = now + watched.group.resolveInterval
            duties.append(.resolve(host, port))
        }
        return duties
    }

    func ended(_ duty: Duty) {
        switch duty {
        case .check: watched.server.end(.check)
        case .test: watched.server.end(.test)
        case .resolve: watched.server.end(.resolve)
        }
    }

    /// What must be told of its health, once.
    mutating func change() -> UpstreamWatch.News? {
        let word = watched.server.present.word
        // A server on trial is neither well nor known to be ill.
        guard word != .trial, word != told else { return nil }
        told = word
        return switch word {
        case .up, .trial: .up
        case .down: .down
        case .leftAlone: .leftAlone
        }
    }
}
