import NIOConcurrencyHelpers
package import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes log lines on a thread of its own, so that a slow reader of our output never stops an event loop.
///
/// Bounded: what does not fit is dropped and counted, and the count is written once there is room.
package final class LogSink: Sendable {
    private struct Waiting {
        var chunks: [ByteBuffer] = []
        var bytes = 0
        var dropped = 0
        var isClosed = false
    }

    /// Bytes that may wait for the reader.
    package let limit: Int

    private let descriptor: CInt
    private let waiting = ConditionLock(value: 0)
    private let box = NIOLockedValueBox(Waiting())

    package init(descriptor: CInt = 2, limit: Int = 8 * 1024 * 1024) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// Queues complete lines.
    package func write(_ lines: ByteBuffer) {
        guard lines.readableBytes > 0 else { return }
        let mustWake = box.withLockedValue { box in
            guard !box.isClosed, box.bytes + lines.readableBytes <= limit else {
                box.dropped += 1
                return false
            }
            box.chunks.append(lines)
            box.bytes += lines.readableBytes
            return true
        }
        if mustWake {
            waiting.lock()
            waiting.unlock(withValue: 1)
        }
    }

    /// Writes until `close()`; call it on a thread of its own.
    package func run() {
        while true {
            waiting.lock(whenValue: 1)
            waiting.unlock(withValue: 0)
            let (chunks, dropped, isClosed) = box.withLockedValue { box in
                let taken = (box.chunks, box.dropped, box.isClosed)
                box.chunks = []
                box.bytes = 0
                box.dropped = 0
                return taken
            }
            for chunk in chunks { put(chunk) }
            if dropped > 0 {
                put(
                    ByteBuffer(string: #"{"level":"warning","message":"log lines dropped","count":\#(dropped)}"# + "\n")
                )
            }
            if isClosed { return }
        }
    }

    /// Lets `run()` write what is queued and return.
    package func close() {
        box.withLockedValue { $0.isClosed = true }
        waiting.lock()
        waiting.unlock(withValue: 1)
    }

    private func put(_ chunk: ByteBuffer) {
        chunk.withUnsafeReadableBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = systemWrite(rest)
                if count > 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                } else if errno != EINTR {
                    return
                }
            }
        }
    }

    private func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        posixWrite(descriptor, bytes.baseAddress, bytes.count)
    }
}

private func posixWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
