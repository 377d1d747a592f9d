import NIOCore

/// Tells whether a peer takes the bytes that were written to it.
struct SendProgress {
    /// Bytes handed to the channel so far.
    private var written = 0
    private var sentBefore = 0

    mutating func wrote(_ count: Int) {
        written &+= count
    }

    /// Takes note of how much has been sent by now.
    mutating func mark(_ channel: (any Channel)?) {
        sentBefore = written - Self.unsent(channel)
    }

    /// Whether unsent bytes are left and some went out since the last mark; marks again.
    mutating func hasMoved(_ channel: (any Channel)?) -> Bool {
        let unsent = Self.unsent(channel)
        guard unsent > 0, written - unsent > sentBefore else { return false }
        sentBefore = written - unsent
        return true
    }

    private static func unsent(_ channel: (any Channel)?) -> Int {
        let option = ChannelOptions.Types.BufferedWritableBytesOption()
        return (try? channel?.syncOptions?.getOption(option)) ?? 0
    }
}
