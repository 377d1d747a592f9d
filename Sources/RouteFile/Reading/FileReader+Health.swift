import Transport

extension FileReader {
    /// `[upstreams.health]`; nil after a mistake.
    func healthCheck(_ section: Section) -> HealthCheck? {
        let path = section.require("path", ValueKind.path)
        let host = section.read("host", ValueKind.name)
        let interval = section.read("interval", ValueKind.duration)
        let timeout = section.read("timeout", ValueKind.duration)
        let healthy = section.read("healthy", ValueKind.integer(1...100))
        let unhealthy = section.read("unhealthy", ValueKind.integer(1...100))
        let statuses = section.list("status", ValueKind.status)
        guard let path, let interval, let timeout, let healthy, let unhealthy, let statuses else { return nil }
        if statuses.isEmpty { log.add(section.place(of: "status"), "names no status, so that no check would pass") }
        if timeout.value > interval.value {
            log.add(section.place(of: "timeout"), "must not be longer than `interval`")
        }
        var check = HealthCheck(path: path.value)
        check.host = host?.value
        check.interval = interval.value
        check.timeout = timeout.value
        check.healthy = healthy.value
        check.unhealthy = unhealthy.value
        check.statuses = statuses.map(\.value.range)
        return check
    }
}
