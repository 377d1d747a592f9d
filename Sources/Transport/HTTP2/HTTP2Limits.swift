package import NIOCore

/// The bounds of one HTTP/2 connection of a client.
///
/// Bounds without a key in the file are not worth one: no sound client sends a field section in more than a few pieces
/// (16 frames hold 256 KiB, far more than any head may have), buffers of answers only need to fill the socket, whose own buffer
/// is larger, and a round trip takes no longer than the grace anywhere.
package struct HTTP2Limits: Sendable {
    /// Requests under way at once; those count that the client has reset and that are not wound up yet.
    package var maxStreams = 100
    /// Requests that a client may reset in a burst; a quarter of it comes back every second.
    package var maxResets = 200
    /// Frames in a burst that carry nothing of a request or an answer; a tenth of it comes back every second.
    package var maxControlFrames = 1000
    /// CONTINUATION frames of one field section.
    package var maxContinuations = 16
    /// Bytes of one request body that may come before they are read.
    package var streamWindow = 256 * 1024
    /// Bytes of all bodies of a connection that may come before they are read.
    package var connectionWindow = 1024 * 1024
    /// Unsent bytes of one answer at which it pauses, and to which they must fall before it goes on.
    package var streamBufferLow = 32 * 1024
    package var streamBufferHigh = 128 * 1024
    /// Unsent bytes of all answers of a connection at which they pause.
    package var connectionBuffer = 1024 * 1024
    /// Longest time between the two GOAWAY frames of a connection that drains.
    package var goAwayGrace: TimeAmount = .seconds(1)

    package init() {}
}
