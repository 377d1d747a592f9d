import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Tokens that are free: what a request may use is taken before, what it used counts.
@Suite("Free tokens", .timeLimit(.minutes(2)))
struct FreeTokensTests {
    /// An answer may have 600 tokens, and has 140.
    static func withRoute(
        _ answer: String = MeteredBundleTests.counted, limit: UInt64 = 1000, isBounded: Bool = false,
        _ test: (PaywallRig) async throws -> Void
    ) async throws {
        var route = try MeteringTests.route(isBounded: isBounded)
        route.freeTier = FreeTier(limit: limit, unit: .tokens, window: AllowanceWindow(seconds: 86_400))
        try await withPaywall([route], rail: ScriptedRail(), upstream: { _ in .bytes(answer) }) { rig in
            try await test(rig)
        }
    }

    @Test("are counted as they are used, until less is left than a request may use")
    func counted() async throws {
        try await Self.withRoute { rig in
            var left: [String] = []
            for _ in 0..<3 {
                let answer = try await rig.ask("GET /x")
                #expect(answer.status == 200)
                left.append(
                    answer["ratelimit"]?.split(separator: ";").first { $0.hasPrefix("r=") }.map(String.init) ?? "")
                #expect(answer["ratelimit-policy"] == #""free";q=1000;w=86400;qu="tokens""#)
            }
            #expect(left == ["r=400", "r=260", "r=120"])
            let refused = try await rig.ask("GET /x")
            #expect(refused.status == 402 && refused["ratelimit"]?.contains("r=580") == true)
        }
    }

    @Test("with the maximum from the request its own bound is what is taken")
    func bound() async throws {
        try await Self.withRoute(isBounded: true) { rig in
            let answer = try await rig.ask("GET /x", body: #"{"max_tokens":700}"#)
            #expect(answer["ratelimit"]?.contains("r=100") == true)
            let tooMuch = try await rig.ask("GET /x", body: #"{"max_tokens":700}"#)
            #expect(tooMuch.status == 402)
        }
    }

    @Test(
        "what was not told counts as it was estimated, what was not delivered not at all",
        arguments: [(reply("hello"), "r=0"), (reply("no", status: "500 No"), "r=600")])
    func untold(answer: String, left: String) async throws {
        try await Self.withRoute(answer, limit: 1200) { rig in
            _ = try await rig.ask("GET /x")
            let second = try await rig.ask("GET /x")
            #expect(second["ratelimit"]?.contains(left) == true)
        }
    }

    @Test("many at once never use more than is free")
    func storm() async throws {
        try await Self.withRoute(limit: 5000) { rig in
            let served = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<40 { group.addTask { try await rig.ask("GET /x").status == 200 } }
                var count = 0
                for try await isServed in group where isServed { count += 1 }
                return count
            }
            // 140 each; the last may begin while 600 are left.
            #expect(served >= 8 && served * 140 <= 5000)
        }
    }
}
