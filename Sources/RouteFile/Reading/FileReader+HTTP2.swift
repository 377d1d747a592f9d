import Transport

extension FileReader {
    /// The bounds of HTTP/2 connections in `[server]`.
    func http2Limits(_ section: Section) -> HTTP2Limits? {
        let streams = section.read("http2_max_streams", ValueKind.integer(1...10_000))
        let resets = section.read("http2_max_resets", ValueKind.integer(1...1_000_000))
        let frames = section.read("http2_max_control_frames", ValueKind.integer(10...1_000_000))
        guard let windows = windows(section), let streams, let resets, let frames else { return nil }
        var limits = HTTP2Limits()
        limits.maxStreams = streams.value
        limits.maxResets = resets.value
        limits.maxControlFrames = frames.value
        limits.streamWindow = windows.stream
        limits.connectionWindow = windows.connection
        return limits
    }

    /// The bounds of HTTP/2 connections in `[[upstreams]]`.
    ///
    /// - Parameter isSpoken: Whether there may be any.
    func upstreamHTTP2Limits(_ section: Section, isSpoken: Bool) -> UpstreamHTTP2Limits? {
        if !isSpoken {
            section.refuse(
                ["http2_max_streams", "http2_stream_window", "http2_connection_window"],
                "has no meaning while `protocol` is \"http1\"")
        }
        let streams = section.read("http2_max_streams", ValueKind.integer(1...10_000))
        guard let windows = windows(section), let streams else { return nil }
        var limits = UpstreamHTTP2Limits()
        limits.maxStreams = streams.value
        limits.streamWindow = windows.stream
        limits.connectionWindow = windows.connection
        return limits
    }

    private func windows(_ section: Section) -> (stream: Int, connection: Int)? {
        let stream = section.read("http2_stream_window", ValueKind.size)
        let connection = section.read("http2_connection_window", ValueKind.size)
        for window in [stream, connection] {
            // RFC 9113 §6.9.2: a connection begins with this window, and it cannot be made smaller.
            if let window, window.value < 65_535 { log.add(window.place, "is less than 64KiB") }
            if let window, window.value > 1 << 30 { log.add(window.place, "is more than 1GiB") }
        }
        guard let stream, let connection else { return nil }
        return (stream.value, connection.value)
    }
}
