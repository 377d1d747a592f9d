import FuzzBodies

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The loop of libFuzzer, which this program links without its `main`.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// The target's name comes by the environment: the arguments are libFuzzer's.
let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
guard let index = FuzzTarget.all.firstIndex(where: { $0.name == name }) else {
    print("FUZZ_TARGET names none of: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
    exit(64)
}
let fault = FuzzTarget.all[index].fault

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runDriver(&count, &arguments) { start, count in
        if let said = fault(UnsafeRawBufferPointer(start: start, count: count)) {
            let line = Array("fault: \(said)\n".utf8)
            _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            abort()
        }
        return 0
    })
