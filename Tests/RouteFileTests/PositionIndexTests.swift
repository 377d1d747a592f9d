import Testing

@testable import RouteFile

@Suite("Lines of keys")
struct PositionIndexTests {
    @Test("are found through every form that TOML has")
    func forms() {
        let text = """
            # a comment [not.a.table]
            top = 1 # and one behind
            [server]
            listen = [
                "a", # [x]
                "b", 'c',
                { port = 1, host = "h]" },
            ]
            "quoted key" = 'it''s'
            dotted . "in side" . deep = true
            text = \"\"\"
            [fake]
            key = "x" \\\"\"\" still
            \"\"\"
            raw = '''
            [[fake]]
            '''
            after = 1979-05-27T07:32:00Z
            [ "a b" . c ]
            x = { y = { z = [1, [2, 3]] } }
            [[routes]]
            match = "/1"
            [[routes]]
            match = "/2"
            [routes.price]
            unit = "\\u0022]"
            [[routes.hooks]]
            url = ""
            [[routes.hooks]]
            url = "2"
            [[adapters]]
            [adapters.backend]
            type = "mock"
            """
        let index = PositionIndex(text)
        let expected: [(path: String, line: Int)] = [
            ("top", 2), ("server", 3), ("server.listen", 4), ("server.listen[0]", 5), ("server.listen[1]", 6),
            ("server.listen[2]", 6), ("server.listen[3].host", 7), ("server.\"quoted key\"", 9),
            ("server.dotted.\"in side\".deep", 10), ("server.text", 11), ("server.raw", 15), ("server.after", 18),
            ("\"a b\".c", 19), ("\"a b\".c.x.y.z[1][1]", 20), ("routes", 21), ("routes[0]", 21),
            ("routes[0].match", 22),
            ("routes[1].match", 24), ("routes[1].price", 25), ("routes[1].price.unit", 26),
            ("routes[1].hooks[0].url", 28),
            ("routes[1].hooks[1].url", 30), ("adapters[0]", 31), ("adapters[0].backend.type", 33), ("fake", 0),
            ("server.key", 3), ("routes[1].missing", 23), ("nothing.at.all", 0),
        ]
        for (path, line) in expected { #expect(index.line(of: path) == line, "\(path)") }
    }

    @Test("count CRLF once and survive a carriage return inside a line")
    func lineEnds() {
        let index = PositionIndex("a = 1\r\n\r\n[t]\r\nb = \"x\"\r\nc = 2")
        #expect(index.line(of: "a") == 1)
        #expect(index.line(of: "t") == 3)
        #expect(index.line(of: "t.b") == 4)
        #expect(index.line(of: "t.c") == 5)
    }

    @Test("are made of any text without a trap or a loop")
    func noise() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        var state = seed
        let pieces = [
            "[", "]", "[[", "{", "}", "=", "\"", "'", "\"\"\"", "'''", "\n", ",", ".", "a", "#", "\\", " ", "é", "\r",
        ]
        for _ in 0..<5000 {
            var text = ""
            for _ in 0..<20 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int((state >> 33) % UInt64(pieces.count))]
            }
            #expect(PositionIndex(text).line(of: "a") <= 21, "seed \(seed)")
        }
        #expect(PositionIndex("a = " + String(repeating: "[", count: 100_000)).line(of: "a") == 1)
    }
}

@Suite("The nearest name")
struct NearestNameTests {
    @Test(
        "is within two edits, or a third of the word",
        arguments: [
            ("pric", "price"), ("prcie", "price"), ("PRICE", "price"), ("listne", "listen"), ("acepts", "accepts"),
            ("idle_timout", "idle_timeout"), ("fist_byte_timeout", "first_byte_timeout"),
        ])
    func near(_ word: String, _ expected: String) {
        let names = ["price", "listen", "accepts", "idle_timeout", "first_byte_timeout", "host"]
        #expect(NearestName.of(word, among: names) == expected)
    }

    @Test("is nothing when nothing is near", arguments: ["frobnicate", "x", "", "zz"])
    func far(_ word: String) {
        #expect(NearestName.of(word, among: ["price", "listen", "id"]) == nil)
    }
}
