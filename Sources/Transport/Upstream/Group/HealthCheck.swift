/// How a server is asked whether it is well.
package struct HealthCheck: Sendable, Hashable {
    /// The path and query of the GET request.
    package var path: String
    /// The Host of the request; nil for the server's own.
    package var host: String?
    package var interval: Duration = .seconds(5)
    package var timeout: Duration = .seconds(2)
    /// Checks in a row that must pass before a server that is down is asked again.
    package var healthy = 2
    /// Checks in a row that must fail before a server is down.
    package var unhealthy = 3
    /// The statuses that pass: ranges without overlap, such as 200...299.
    package var statuses: [ClosedRange<Int>] = [200...299]

    package init(path: String) { self.path = path }

    func passes(status: Int) -> Bool { statuses.contains { $0.contains(status) } }
}

/// What a server's health checks have come to.
struct HealthTally: Sendable, Equatable {
    private(set) var isDown = false
    /// Results in a row that speak against the present verdict.
    private var against = 0
    private var hasVerdict = false

    enum Change: Equatable { case unchanged, down, up }

    /// Before the first verdict one check decides: at the start nothing is known that would have to be outvoted.
    mutating func checked(passed: Bool, check: HealthCheck) -> Change {
        guard passed == isDown else {
            against = 0
            hasVerdict = true
            return .unchanged
        }
        against += 1
        guard !hasVerdict || against >= (isDown ? check.healthy : check.unhealthy) else { return .unchanged }
        hasVerdict = true
        against = 0
        isDown.toggle()
        return isDown ? .down : .up
    }
}
