#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One of the two streams that people and programs read.
struct OutputStream: Sendable {
    private let descriptor: CInt

    /// What was asked for.
    static let standard = OutputStream(descriptor: 1)
    /// Notes, mistakes and logs.
    static let notes = OutputStream(descriptor: 2)

    /// Whether somebody looks at it.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    func line(_ text: String = "") { write(Array((text + "\n").utf8)) }

    /// Many lines in one go.
    func lines(_ lines: [String]) {
        if !lines.isEmpty { write(Array((lines.joined(separator: "\n") + "\n").utf8)) }
    }

    /// Writes all bytes, or as many as the reader takes.
    func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}

private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
