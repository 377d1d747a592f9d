import Pricing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What it costs to find usage in a stream of a megabyte, by the pieces it comes in.
struct MeteringCost {
    struct Failure: Error { var message: String }

    private let shape: UsageShape
    private let stream: [UInt8]

    init() throws {
        var terms = UsageMeter.Terms()
        terms.preset = .openai
        terms.rates = [("input_tokens", try MeterRate("$0.15 / 1M")), ("output_tokens", try MeterRate("$0.60 / 1M"))]
        terms.addsUsage = true
        guard let shape = try UsageMeter(terms).report else { throw Failure(message: "nothing is read from the body") }
        self.shape = shape
        // An event as inference servers write them, one for each token.
        var text = ""
        while text.utf8.count < 1 << 20 {
            text += #"data: {"id":"chatcmpl-8a6d2f","object":"chat.completion.chunk","created":1790000000,"#
            text += #""model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" word"},"#
            text += "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
        }
        text += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4300}}\n\ndata: [DONE]\n\n"
        stream = Array(text.utf8)
    }

    /// Prints the median of rounds for each size of the pieces.
    func run(rounds: Int) throws {
        for size in [256, 4096, 65_536] {
            var costs: [Double] = []
            for _ in 0..<rounds { costs.append(try scan(size)) }
            let cost = Int(costs.sorted()[rounds / 2] / 1000)
            print("usage in \(stream.count / 1024) KiB of events   \(cost) us in pieces of \(size) bytes")
        }
    }

    private func scan(_ size: Int) throws -> Double {
        let start = Self.processorNanoseconds()
        var scanner = UsageScanner(shape, framing: .events, withholds: true)
        var withheld = 0
        stream.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count {
                let end = min(position + size, bytes.count)
                scanner.scan(UnsafeRawBufferPointer(rebasing: bytes[position..<end])) { cut in
                    if cut.isWithheld { withheld += 1 }
                }
                position = end
            }
        }
        _ = scanner.finish()
        guard withheld == 1, scanner.findings == [.value(9), .value(4300)] else {
            throw Failure(message: "the usage was not found: \(scanner.findings)")
        }
        return Self.processorNanoseconds() - start
    }

    private static func processorNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
