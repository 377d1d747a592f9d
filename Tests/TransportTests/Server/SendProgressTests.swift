import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("The progress of sending")
struct SendProgressTests {
    @Test("unsent bytes that become fewer are progress, standing still and nothing to send are not")
    func progress() throws {
        let channel = EmbeddedChannel()
        var progress = SendProgress()
        func moved() -> Bool { progress.hasMoved(channel) }
        #expect(!moved(), "nothing to send")
        progress.wrote(30)
        channel.write(ByteBuffer(repeating: 0, count: 10), promise: nil)
        #expect(moved(), "20 of 30 are gone")
        #expect(!moved())
        progress.wrote(5)
        channel.write(ByteBuffer(repeating: 0, count: 5), promise: nil)
        #expect(!moved(), "more to send is not progress")
        channel.flush()
        progress.wrote(1)
        channel.write(ByteBuffer(repeating: 0, count: 1), promise: nil)
        #expect(moved())
        progress.wrote(1)
        progress.mark(channel)
        #expect(!moved())
        _ = try channel.finish()
    }
}
