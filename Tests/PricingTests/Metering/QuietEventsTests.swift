import Testing

@testable import Pricing

/// Events that are stepped over as a whole; byte by byte none ever is.
@Suite("Quiet events")
struct QuietEventsTests {
    private static let fragments = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n", "data: [DONE]\n\n", ": note\n\n",
        "\n", "\n\n",
        "\r", "\r\n", "\r\n\r\n", "data: {\"choices\":[],\"usage\":{\"out_tokens\":7}}\n\n", "event: x\n", "id: 1\r\n",
        "data: {\"choices\":[],\"usage\":{}}\n\n", "data: {\"choices\":[],\ndata: \"usage\":{\"in_tokens\":3}}\n\n",
        "data: {\"us\\u0061ge\":{\"out_tok\\u0065ns\":9}}\n\n", "data: {\"text\":\"\\\"out_tokens\\\":4\"}\n\n", "data",
        "data: {\"usage\":{\"out_tokens\":5}", "data: {\"x\":\"_tokens\"}\n\n",
        "data: {\"usage\" : {\"in_tokens\" : 8}}\n\n",
        "data: {\"usage\":nu", "ll}\n\n", "\u{FEFF}", "data: {\"choices\":[],\"usage\":{\"x\":1}}\n\n",
        "_tokens\":6}}\n\n",
    ]

    private static let shapes: [[[String]]] = [
        [["usage.in_tokens"], ["usage.out_tokens"]], [["usage.out_tokens"], ["x"]], [["usage.*"]], [["usage"]],
    ]

    @Test("say nothing: a stream says the same as byte by byte", arguments: shapes, [false, true])
    func same(slots: [[String]], withholds: Bool) {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        let shape = MeteringSamples.shape(slots, marksHidden: withholds)
        for round in 0..<400 {
            let count = Int.random(in: 1...12, using: &random)
            let text = (0..<count).map { _ in Self.fragments.randomElement(using: &random) ?? "" }.joined()
            let body = Array(text.utf8)
            let exact = MeteringSamples.scan(
                body, shape, .events, withholds: withholds, cuts: Array(body.indices.dropFirst()))
            let cut = Int.random(in: 0...body.count, using: &random)
            for cuts in [[], [cut]] {
                let found = MeteringSamples.scan(body, shape, .events, withholds: withholds, cuts: cuts)
                #expect(found == exact, "seed \(seed), round \(round): \(text.debugDescription) cut at \(cuts)")
                if found != exact { return }
            }
        }
    }
}
