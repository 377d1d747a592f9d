#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A pipe for tests that read what is written to a descriptor.
final class Pipe {
    let readEnd: CInt
    let writeEnd: CInt

    struct Failure: Error {}

    init() throws {
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure() }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    /// Closes the writing end and returns all that was written.
    func readAll() -> String {
        close(writeEnd)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(readEnd, &chunk, chunk.count)
            if count <= 0 { break }
            text.append(contentsOf: chunk[..<count])
        }
        close(readEnd)
        return String(decoding: text, as: UTF8.self)
    }
}
