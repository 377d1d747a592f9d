import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Accepting without room")
struct AcceptPauseTests {
    private func reads(_ channel: EmbeddedChannel) -> Bool {
        for case (is ChannelOptions.Types.AutoReadOption, let value as Bool) in channel.options { return value }
        return true
    }

    @Test(
        "a full table of descriptors pauses accepting for a second, other errors do not",
        arguments: [
            (Int32(24), false), (23, false), (103, true),
        ])
    func pause(_ code: Int32, _ stillReads: Bool) throws {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(AcceptPause())
        for _ in 0..<3 { channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept")) }
        #expect(reads(channel) == stillReads)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(reads(channel) == stillReads)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(reads(channel))
        #expect(throws: IOError.self) { try channel.throwIfErrorCaught() }
    }
}
