import Pricing
import Testing

@Suite("Fields that price rules look at")
struct PriceFieldTests {
    @Test(
        "are read from the query under every spelling that some server takes for them",
        arguments: [
            ("size=5", FieldReading.text("5")), ("a=1&size=5&b=2", .text("5")), ("", .absent), ("other=5", .absent),
            ("size", .text("")), ("size=", .text("")), ("si%7Ae=5", .text("5")), ("size=%35", .text("5")),
            ("size=a+b", .text("a b")), ("sizes=5", .absent), ("size=5=6", .text("5=6")),
            ("size=1&size=5", .doubtful(.repeated)), ("size=5&size=5", .doubtful(.repeated)),
            ("size=1&si%7Ae=5", .doubtful(.repeated)), ("Size=5", .doubtful(.otherName)),
            ("size=1&SIZE=5", .doubtful(.repeated)), ("size[]=5", .doubtful(.otherName)),
            ("size[0]=5", .doubtful(.otherName)), ("a=1;size=5", .doubtful(.otherName)),
            ("%2573ize=5", .doubtful(.otherName)), ("size%00x=5", .doubtful(.otherName)),
            ("si_ze=5", .doubtful(.otherName)), ("+size=5", .doubtful(.otherName)),
            ("size=%FF", .doubtful(.badEncoding)), ("size=%G0", .doubtful(.badEncoding)),
            ("size=5;x=1", .text(FieldText("5;x=1", otherReadings: ["5"]))),
        ])
    func query(_ query: String, _ expected: FieldReading) {
        let readings = Array(query.utf8).withUnsafeBytes { QueryFields.read(["size"], query: $0) }
        #expect(readings == [expected])
    }

    @Test("are read from the path as the route's pattern names them")
    func path() throws {
        func read(_ pattern: String, _ name: String, _ path: String, _ doubts: TargetDoubts = []) throws -> FieldReading
        {
            let field = try #require(PathField(name, in: try RoutePattern.parse(pattern)))
            return Array(path.utf8).withUnsafeBytes { field.read(path: $0, doubts: doubts) }
        }
        #expect(try read("/a/:x", "x", "/a/paris") == .text("paris"))
        #expect(try read("/a/:x", "x", "/a/par%20is/") == .text("par is"))
        #expect(try read("/a/:x/*", "x", "/a/paris/b/c") == .text("paris"))
        #expect(try read("/*/z/:x", "x", "/q/r/z/paris") == .text("paris"))
        #expect(
            try read("/a/:x", "x", "/a/paris.tar.gz", .suffix)
                == .text(FieldText("paris.tar.gz", stems: ["paris", "paris.tar"])))
        #expect(
            try read("/a/:x", "x", "/a/a+b", .plus) == .text(FieldText("a+b", otherReadings: ["a b"])))
        #expect(try PathField("y", in: RoutePattern.parse("/a/:x")) == nil)
        #expect(try PathField("x", in: RoutePattern.parse("/*/:x/b/*")) == nil)
    }

    @Test("of the path with a suffix are in doubt only where no rule spells one out")
    func stems() throws {
        let reading = FieldReading.text(FieldText("paris.json", stems: ["paris"]))
        #expect(try ValueTest.parse("paris").verdict(on: reading) == .doubtful(.otherSpelling))
        #expect(try ValueTest.parse("par*").verdict(on: reading) == .holds)
        #expect(try ValueTest.parse("*.json").verdict(on: reading) == .holds)
    }

    @Test("are read from the head line by line")
    func header() {
        func read(_ lines: [(String, String)]) -> FieldReading {
            var field = HeaderField("x-tier")
            for (name, value) in lines {
                Array(name.utf8).withUnsafeBytes { name in
                    Array(value.utf8).withUnsafeBytes { field.take(name: name, value: $0) }
                }
            }
            return field.reading
        }
        #expect(read([]) == .absent)
        #expect(read([("X-Tier", "gold"), ("x-other", "a")]) == .text("gold"))
        #expect(read([("X-Tier", "gold"), ("x-tier", "gold")]) == .doubtful(.repeated))
        #expect(read([("x_tier", "gold")]) == .doubtful(.otherName))
        #expect(read([("x-tier", "gold"), ("X_Tier", "basic")]) == .doubtful(.otherName))
    }
}

@Suite("Fields of a JSON body")
struct BodyFieldTests {
    private static func scan(_ paths: [String], _ text: String, pieces: [Int] = []) -> BodyFieldScanner {
        var scanner = BodyFieldScanner(paths: paths.map { $0.split(separator: ".").map(String.init) })
        var rest = Array(text.utf8)[...]
        for piece in pieces {
            Array(rest.prefix(piece)).withUnsafeBytes { scanner.scan($0) }
            rest = rest.dropFirst(piece)
        }
        Array(rest).withUnsafeBytes { scanner.scan($0) }
        scanner.finish()
        return scanner
    }

    static let cases: [(text: String, path: String, expected: FieldReading)] = [
        (#"{"model":"gpt-4o"}"#, "model", .text("gpt-4o")),
        (#" { "a" : [1, {"model": "x"}], "model" : "gpt-4o" } "#, "model", .text("gpt-4o")),
        (#"{"mod\u0065l":"\u0067pt"}"#, "model", .text("gpt")),
        (#"{"model":"\ud83d\ude00\n\/"}"#, "model", .text("😀\n/")),
        (#"{"n":-1.50e3}"#, "n", .number("-1.50e3")),
        (#"{"n":true,"m":false}"#, "m", .bool(false)),
        (#"{"n":null}"#, "n", .absent),
        (#"{}"#, "n", .absent),
        (#"[]"#, "0", .absent),
        (#"[{"a":1},{"a":2}]"#, "1.a", .number("2")),
        (#"{"messages":[{"role":"user"},{"role":"tool"}]}"#, "messages.1.role", .text("tool")),
        (#"{"messages":null}"#, "messages.0.role", .absent),
        (#"{"messages":"x"}"#, "messages.0.role", .doubtful(.structure)),
        (#"{"a":{"b":{"c":7}}}"#, "a.b", .structure),
        (#"{"a":{"b":{"c":7}}}"#, "a.b.c", .number("7")),
        (#"{"a":[1]}"#, "a", .structure),
        (#"[{"model":"x"}]"#, "model", .doubtful(.structure)),
        (#"{"model":"a","model":"b"}"#, "model", .doubtful(.repeated)),
        (#"{"model":"a","mod\u0065l":"b"}"#, "model", .doubtful(.repeated)),
        (#"{"a":{"b":1},"a":{"b":2}}"#, "a.b", .doubtful(.repeated)),
        (#"{"model":"a","MODEL":"b"}"#, "model", .doubtful(.otherName)),
        (#"{"maxTokens":5}"#, "max_tokens", .doubtful(.otherName)),
        (#"{"x":{"model":"a"},"y":{"model":"b"},"model":"c"}"#, "model", .text("c")),
        (#"{"model":"\ud800"}"#, "model", .doubtful(.badEncoding)),
        (#"{"n":01}"#, "n", .doubtful(.notANumber)),
    ]

    @Test("are found, absent or in doubt", arguments: cases.indices)
    func found(_ index: Int) {
        let (text, path, expected) = Self.cases[index]
        let scanner = Self.scan([path], text)
        #expect(scanner.failure == nil)
        #expect(scanner.readings == [expected])
        #expect(scanner.isSettled)
    }

    @Test(
        "are not looked for in what is no JSON",
        arguments: [
            "", " ", "x", "{", #"{"a""#, #"{"a":}"#, #"{"a":1,}"#, #"{a:1}"#, "[1,]", "[1}", "{]", #"{"a":1}{"a":2}"#,
            #"{"a":1} x"#, #"{"a":"\x"}"#, #"{"a":"\u00g0"}"#, "{\"a\":\"\n\"}", #"{"a":tru}"#, #"{"a":nul}"#, #"'a'"#,
            "\u{FEFF}{}", #"{"a":"b"#, #"{,}"#, #"{"a" 1}"#, "[1 2]", "// x\n{}", #"{"a":NaN}"#, #"{"\ud800":1}"#,
        ])
    func notJSON(_ text: String) { #expect(Self.scan(["a"], text).failure == .notJSON) }

    @Test("are not looked for beyond a depth")
    func depth() {
        let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(Self.scan(["a"], deep).failure == nil)
        #expect(Self.scan(["a"], "[" + deep + "]").failure == .tooDeep)
    }

    @Test("are settled once only a repetition could change them, and a late one does")
    func settled() {
        var scanner = BodyFieldScanner(paths: [["model"]])
        Array(#"{"model":"a","prompt":"#.utf8).withUnsafeBytes { scanner.scan($0) }
        #expect(scanner.isSettled && scanner.readings == [.text("a")])
        Array(#""x","model":"b""#.utf8).withUnsafeBytes { scanner.scan($0) }
        #expect(scanner.readings == [.doubtful(.repeated)])
    }

    @Test("that are very long are in doubt, and cost no memory")
    func long() {
        let text = #"{"model":"\#(String(repeating: "x", count: 5000))","n":\#(String(repeating: "1", count: 200))}"#
        #expect(Self.scan(["model", "n"], text).readings == [.doubtful(.tooLong), .doubtful(.notANumber)])
    }

    @Test("are the same however the bytes are cut")
    func pieces() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for (text, path, expected) in Self.cases {
            for _ in 0..<20 {
                let pieces = (0..<40).map { _ in Int.random(in: 0...3, using: &random) }
                let scanner = Self.scan([path], text, pieces: pieces)
                #expect(scanner.failure == nil && scanner.readings == [expected], "\(text), seed \(seed)")
            }
        }
    }

    @Test(
        "are looked for where the head says JSON in UTF-8, uncompressed",
        arguments: [
            (FieldReading.text("application/json"), FieldReading.absent, BodyRefusal?.none),
            (.text("Application/JSON; charset=UTF-8"), .absent, nil), (.text("application/vnd.api+json"), .absent, nil),
            (.text("application/json"), .text("identity"), nil), (.absent, .absent, .otherType),
            (.text("application/x-www-form-urlencoded"), .absent, .otherType),
            (.text("application/json; charset=utf-16"), .absent, .otherType),
            (.doubtful(.repeated), .absent, .otherType), (.text("application/json"), .text("gzip"), .compressed),
            (.text("application/json"), .doubtful(.repeated), .compressed),
        ])
    func heads(_ type: FieldReading, _ encoding: FieldReading, _ expected: BodyRefusal?) {
        #expect(BodyRefusal.judge(contentType: type, contentEncoding: encoding) == expected)
    }
}
