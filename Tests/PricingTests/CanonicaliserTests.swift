import Testing

@testable import Pricing

@Suite("The canonicaliser")
struct CanonicaliserTests {
    @Test("lets an unambiguous target through with exactly these bytes", arguments: CanonicalTargetTable.accepted)
    func accepted(_ line: AcceptedTarget) {
        let reading = canonicalise(line.target)
        #expect(reading.refusal == nil)
        #expect(reading.forwarded == line.forwarded)
        #expect(reading.doubts == line.doubts)
    }

    @Test("refuses an ambiguous target for exactly this reason", arguments: CanonicalTargetTable.refused)
    func refused(_ line: RefusedTarget) {
        #expect(canonicalise(line.target).refusal == line.refusal)
    }

    @Test("has a table worth its name, without repetitions")
    func tableSize() {
        let targets =
            CanonicalTargetTable.accepted.map { Array($0.target.utf8) } + CanonicalTargetTable.refused.map(\.target)
        #expect(targets.count >= 150)
        #expect(Set(targets).count == targets.count)
    }

    @Test("is idempotent: what it forwards is canonical", arguments: CanonicalTargetTable.accepted)
    func idempotent(_ line: AcceptedTarget) {
        let again = canonicalise(line.forwarded)
        #expect(again.forwarded == line.forwarded)
        #expect(!again.isRewritten)
    }

    @Test("rewrites only what it decodes")
    func rewriting() {
        #expect(!canonicalise("/a/b?c=d").isRewritten)
        #expect(!canonicalise("/caf%c3%a9").isRewritten)
        #expect(!canonicalise("http://shop.example/a").isRewritten)
        #expect(canonicalise("/%61").isRewritten)
        #expect(canonicalise("http://shop.example").isRewritten)
    }

    @Test("admits an encoded slash as a doubt when the policy keeps it")
    func keptSlash() {
        let policy = CanonicalPolicy(encodedSlash: .keep)
        let reading = canonicalise("/npm/@scope%2fname", policy: policy)
        #expect(reading.forwarded == "/npm/@scope%2fname")
        #expect(reading.doubts == .encodedSlash)
        #expect(canonicalise("/npm/%5c", policy: policy).refusal == .backslash)
        #expect(canonicalise("/npm/%252f", policy: policy).refusal == .doubleEncoding)
    }

    @Test("refuses CONNECT whatever its target", arguments: ["/a", "shop.example:443", "*"])
    func connect(_ target: String) {
        #expect(canonicalise(target, method: "CONNECT").refusal == .connect)
    }

    @Test("refuses the asterisk form of OPTIONS too")
    func asterisk() {
        #expect(canonicalise("*", method: "OPTIONS").refusal == .notOriginForm)
        #expect(canonicalise("/a", method: "OPTIONS").forwarded == "/a")
    }

    @Test("needs a Host for an absolute form, and none for HTTP/1.0 paths")
    func withoutHost() {
        #expect(canonicalise("http://shop.example/a", host: nil).refusal == .authorityMismatch)
        #expect(canonicalise("/a", host: nil).forwarded == "/a")
        #expect(canonicalise("/a", host: "").refusal == .badAuthority)
    }

    @Test("gives each refusal a sentence of its own")
    func messages() {
        let messages = TargetRefusal.allCases.map { "\($0.message)" }
        #expect(Set(messages).count == messages.count)
        #expect(messages.allSatisfy { $0.hasSuffix(".") })
    }

    @Test("never crashes, and forwards only bytes that need no escape in JSON")
    func noise() {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let pieces: [[UInt8]] = [
            "/", "%", ".", "..", "%2", "%C3", "%25", "?", "#", "\\", ";", "+", "http://", "a", "@",
        ]
        .map { Array($0.utf8) }
        for _ in 0..<20_000 {
            var target: [UInt8] = Bool.random(using: &generator) ? [UInt8(ascii: "/")] : []
            for _ in 0..<Int.random(in: 0..<10, using: &generator) {
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    target.append(UInt8.random(in: 0...255, using: &generator))
                } else {
                    target += pieces.randomElement(using: &generator) ?? []
                }
            }
            guard let forwarded = canonicalise(target).forwarded else { continue }
            let isSafe = forwarded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C && $0 != 0x23 }
            #expect(isSafe, "seed \(seed), target \(target)")
            #expect(forwarded.first == "/", "seed \(seed), target \(target)")
            #expect(canonicalise(forwarded).forwarded == forwarded, "seed \(seed), target \(target)")
        }
    }
}
