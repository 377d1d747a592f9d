/// An API whose reports of usage are known.
package enum MeterPreset: String, CaseIterable, Hashable, Sendable {
    /// Chat completions, completions, embeddings and responses, of OpenAI and of those who speak like it.
    case openai
    case anthropic
    case ollama

    /// Where a quantity is told: the sum of these numbers, each at one of some paths.
    func places(of quantity: String) -> [[UsagePath]]? {
        switch (self, quantity) {
        case (.openai, "input_tokens"):
            [Self.paths("usage.prompt_tokens", "usage.input_tokens", "response.usage.input_tokens")]
        case (.openai, "output_tokens"):
            [Self.paths("usage.completion_tokens", "usage.output_tokens", "response.usage.output_tokens")]
        case (.anthropic, "input_tokens"):
            // What is written to and read from its cache is not part of `input_tokens` there.
            ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"].map {
                Self.paths("usage." + $0, "message.usage." + $0)
            }
        case (.anthropic, "output_tokens"):
            // The first event of a stream has a count as well, which is only a beginning.
            [Self.paths("usage.output_tokens")]
        case (.ollama, "input_tokens"): [Self.paths("prompt_eval_count")]
        case (.ollama, "output_tokens"): [Self.paths("eval_count")]
        default: nil
        }
    }

    /// Request fields that bound the output; the larger counts.
    var outputBounds: [UsagePath] {
        switch self {
        case .openai: Self.paths("max_completion_tokens", "max_tokens", "max_output_tokens")
        case .anthropic: Self.paths("max_tokens")
        case .ollama: Self.paths("options.num_predict")
        }
    }

    /// Request fields that say how often that output is made; the larger counts.
    var outputFactors: [UsagePath] {
        self == .openai ? Self.paths("n", "best_of") : []
    }

    /// Each of these values in a request is answered by itself, unless it is a number.
    var prompts: [UsagePath] {
        self == .openai ? Self.paths("prompt.*") : []
    }

    /// Whether usage in a stream must be asked for by `stream_options.include_usage`.
    package var asksForUsage: Bool { self == .openai }

    private static func paths(_ texts: String...) -> [UsagePath] { texts.compactMap { UsagePath($0) } }
}
