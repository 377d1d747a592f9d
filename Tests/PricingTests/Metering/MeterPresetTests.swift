import Testing

@testable import Pricing

@Suite("A metering preset")
struct MeterPresetTests {
    private static func meter(_ preset: MeterPreset) throws -> UsageMeter {
        var terms = UsageMeter.Terms()
        terms.preset = preset
        terms.rates = [("input_tokens", try MeterRate("$1 / 1M")), ("output_tokens", try MeterRate("$2 / 1M"))]
        terms.assumed = ["output_tokens": 1000]
        return try UsageMeter(terms)
    }

    struct Answer: CustomTestStringConvertible, Sendable {
        var preset: MeterPreset
        var framing: UsageFraming
        var body: String
        var input: UsageFinding
        var output: UsageFinding
        var testDescription: String { "\(preset) \(framing) \(body.prefix(60))" }
    }

    // Shapes as the vendors' API references show them.
    static let answers: [Answer] = [
        Answer(
            preset: .openai, framing: .document,
            body: #"{"object":"chat.completion","choices":[{"message":{"content":"Hi"}}],"#
                + #""usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"#
                + #""completion_tokens_details":{"reasoning_tokens":4}}}"#,
            input: .value(9), output: .value(12)),
        Answer(
            preset: .openai, framing: .events,
            body: "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12}}\n\ndata: [DONE]\n\n",
            input: .value(9), output: .value(12)),
        Answer(
            preset: .openai, framing: .events,
            body: "event: response.created\ndata: {\"response\":{\"usage\":null}}\n\nevent: response.completed\n"
                + "data: {\"response\":{\"usage\":{\"input_tokens\":37,\"output_tokens\":11}}}\n\n",
            input: .value(37), output: .value(11)),
        Answer(
            preset: .openai, framing: .document, body: #"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
            input: .value(8), output: .missing),
        Answer(
            preset: .anthropic, framing: .document,
            body: #"{"content":[{"text":"Hi"}],"usage":{"input_tokens":10,"output_tokens":25,"#
                + #""cache_creation_input_tokens":100,"cache_read_input_tokens":1000}}"#,
            input: .value(1110), output: .value(25)),
        Answer(
            preset: .anthropic, framing: .events,
            body: "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
                + "event: content_block_delta\ndata: {\"delta\":{\"text\":\"Hi\"}}\n\n"
                + "event: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":15}}\n\n",
            input: .value(25), output: .value(15)),
        // Broken off before the cumulative count: the one of the first event is no count of the output.
        Answer(
            preset: .anthropic, framing: .events,
            body: "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
                + "event: content_block_delta\ndata: {\"delta\":{\"text\":\"Hi",
            input: .value(25), output: .missing),
        Answer(
            preset: .ollama, framing: .lines,
            body: "{\"response\":\"Hi\",\"done\":false}\n"
                + "{\"done\":true,\"total_duration\":5,\"prompt_eval_count\":26,\"eval_count\":298}\n",
            input: .value(26), output: .value(298)),
        Answer(
            preset: .ollama, framing: .document,
            body: #"{"message":{"content":"Hi"},"done":true,"prompt_eval_count":26,"eval_count":298}"#,
            input: .value(26), output: .value(298)),
    ]

    @Test("reads the usage of its API", arguments: answers)
    func reads(_ answer: Answer) throws {
        let meter = try Self.meter(answer.preset)
        let report = try MeteringSamples.scan(Array(answer.body.utf8), #require(meter.report), answer.framing).findings
        let findings = meter.findings(report: report, bytes: 0, elapsed: .zero) { _ in .missing }
        #expect(findings == [answer.input, answer.output])
    }

    struct Request: CustomTestStringConvertible, Sendable {
        var body: String
        /// What it comes to; nil when nobody can tell.
        var output: UInt64?
        var preset: MeterPreset
        var testDescription: String { body }

        init(_ body: String, _ output: UInt64?, _ preset: MeterPreset = .openai) {
            (self.body, self.output, self.preset) = (body, output, preset)
        }
    }

    static let requests: [Request] = [
        Request(#"{"max_tokens":50}"#, 50),
        Request(#"{"max_tokens":50,"max_completion_tokens":70}"#, 70),
        Request(#"{"max_output_tokens":70}"#, 70),
        Request(#"{"max_tokens":50,"n":3}"#, 150),
        Request(#"{"n":3,"best_of":5}"#, 5000),
        Request(#"{"n":0,"max_tokens":50}"#, 50),
        Request(#"{"prompt":["a","b"],"max_tokens":50}"#, 100),
        Request(#"{"prompt":[[1,2],[3]],"n":2,"max_tokens":50}"#, 200),
        Request(#"{"prompt":[1,2,3],"max_tokens":50}"#, 50),
        Request(#"{"prompt":"a"}"#, 1000), Request("{}", 1000), Request("", 1000),
        Request(#"{"max_tokens":null}"#, 1000), Request(#"{"max_tokens":-1}"#, 1000),
        Request(#"{"max_tokens":0}"#, 1000), Request(#"{"max_tokens":-0}"#, 1000),
        // The most that any reader could understand.
        Request(#"{"max_tokens":0,"max_completion_tokens":70}"#, 1000),
        Request(#"{"max_completion_tokens":5000,"max_tokens":0}"#, 5000),
        Request(#"{"max_completion_tokens":5000,"max_tokens":-1,"n":2}"#, 10_000),
        Request(#"{"max_tokens":0,"max_completion_tokens":"5"}"#, nil),
        Request(#"{"max_tokens":50,"max_tokens":5000}"#, 5000),
        Request(#"{"max_tokens":50,"MAX_Tokens":5000}"#, 5000),
        Request(#"{"max_tokens":50,"max\u005fToken\u0073":5000}"#, 5000),
        Request(#"{"max_tokens":1000000000000000,"n":1000}"#, nil),
        Request(#"{"max_tokens":1e6}"#, nil),
        Request(#"{"max_tokens":"5000"}"#, nil),
        Request(#"{"max_tokens":9999999999999999}"#, nil),
        Request(#"{"n":1.0}"#, nil), Request(#"{"n":true}"#, nil),
        Request(#"{"max_tokens":50"#, nil), Request("max_tokens=50", nil),
        Request("\u{FEFF}{\"max_tokens\":50}", nil), Request("{\"max_tokens\":50}x", nil),
        Request(#"{"max_tokens":1024}"#, 1024, .anthropic),
        Request(#"{"n":9,"max_tokens":1024}"#, 1024, .anthropic),
        Request(#"{"options":{"num_predict":42}}"#, 42, .ollama),
        Request(#"{"Options":{"num_predict":42},"options":{}}"#, 42, .ollama),
        Request(#"{"options":{"num_predict":-1},"max_tokens":5}"#, 1000, .ollama),
        Request(#"{"options":{"num_predict":0}}"#, 1000, .ollama),
    ]

    @Test("bounds the output by the request's own fields", arguments: requests)
    func bounds(_ request: Request) throws {
        let meter = try Self.meter(request.preset)
        let body = Array(request.body.utf8)
        for cut in 0...body.count {
            var reader = try #require(meter.bounds).reader()
            body[..<cut].withUnsafeBytes { reader.scan($0) }
            body[cut...].withUnsafeBytes { reader.scan($0) }
            let estimate = meter.estimate(reader.finish())
            #expect(estimate == [UInt64(body.count), request.output], "cut at \(cut)")
        }
    }

    struct Edit: CustomTestStringConvertible, Sendable {
        var body: String
        var edited: String?
        var isAskedFor = false
        var testDescription: String { body }

        init(_ body: String, _ edited: String? = nil, isAskedFor: Bool = false) {
            (self.body, self.edited, self.isAskedFor) = (body, edited, isAskedFor)
        }
    }

    static let edits: [Edit] = [
        Edit(#"{"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
        Edit(" { \"stream\" : true }", " {\"stream_options\":{\"include_usage\":true}, \"stream\" : true }"),
        Edit(#"{"stream":true,"stream_options":null}"#, #"{"stream":true,"stream_options":{"include_usage":true}}"#),
        Edit(#"{"stream_options":{},"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
        Edit(#"{"stream_options":{ },"stream":true}"#, #"{"stream_options":{"include_usage":true },"stream":true}"#),
        Edit(
            #"{"stream":true,"stream_options":{"a":1}}"#,
            #"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#),
        Edit(
            #"{"stream":true,"stream_options":{"include_usage":false}}"#,
            #"{"stream":true,"stream_options":{"include_usage":true}}"#),
        Edit(
            #"{"stream":true,"stream_options":{"include_usage":null,"a":1}}"#,
            #"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#),
        Edit(#"{"stream":true,"stream_options":{"include_usage":true}}"#, isAskedFor: true),
        Edit(#"{"stream":false}"#), Edit("{}"), Edit(""), Edit(#"{"stream":"true"}"#), Edit(#"{"stream":1}"#),
        Edit(#"{"stream":true"#), Edit(#"{"stream":true,"stream":false}"#), Edit(#"[{"stream":true}]"#),
        Edit(#"{"stream":true,"stream_options":{},"stream_options":{}}"#), Edit(#"{"stream":true,"stream_options":5}"#),
        Edit(#"{"stream":true,"stream_options":{"include_usage":false,"include_usage":false}}"#),
        Edit(#"{"stream":true,"stream_options":{"include_usage":"no"}}"#),
    ]

    @Test("asks for usage in a stream by the smallest edit", arguments: edits)
    func asks(_ edit: Edit) {
        let body = Array(edit.body.utf8)
        switch body.withUnsafeBytes({ StreamOptionsEdit.decide($0) }) {
        case .notNeeded: #expect(edit.edited == nil && !edit.isAskedFor)
        case .askedFor: #expect(edit.isAskedFor)
        case .edit(let change):
            var edited = body
            edited.replaceSubrange(change.range, with: change.replacement.utf8)
            #expect(String(decoding: edited, as: UTF8.self) == edit.edited)
            #expect(edited.count <= body.count + StreamOptionsEdit.maximumGrowth)
            #expect(edited.withUnsafeBytes { StreamOptionsEdit.decide($0) } == .askedFor)
        }
    }
}
