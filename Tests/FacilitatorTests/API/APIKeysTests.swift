import Facilitator
import Testing

struct APIKeysTests {
    private func keys(_ text: String) throws -> APIKeys {
        try APIKeys(#require(Secret(text)))
    }

    @Test(
        "a key opens under its own id, and nothing else opens",
        arguments: [
            ("first-key-of-the-shop", "shop"), ("with:colons:in-it-too", "other"),
            ("first-key-of-the-shoP", nil), ("first-key-of-the-sho", nil), ("", nil), ("shop", nil),
        ] as [(String, String?)])
    func lookup(key: String, id: String?) throws {
        let keys = try keys("shop:first-key-of-the-shop,other:with:colons:in-it-too")
        #expect(keys.id(of: key) == id)
    }

    @Test(
        "lists that cannot be meant are refused",
        arguments: [
            (",", .empty), ("short", .tooShort), ("shop:short", .tooShort),
            ("shop:0123456789abcdef,shop:fedcba9876543210", .sameID), (":0123456789abcdef", .badID),
            ("sh#op:0123456789abcdef", .badID), ("shop:", .tooShort),
        ] as [(String, APIKeys.Mistake)])
    func mistakes(list: String, mistake: APIKeys.Mistake) {
        #expect(throws: mistake) { try keys(list) }
    }

    @Test("a key without an id has one that does not depend on its place")
    func withoutID() throws {
        // The digits are the first of SHA-256 over the key.
        let id = "key-41d48ab0"
        #expect(try keys("a-key-without-an-id").id(of: "a-key-without-an-id") == id)
        #expect(try keys("shop:first-key-of-the-shop,a-key-without-an-id").id(of: "a-key-without-an-id") == id)
    }

    @Test("a secret shows itself nowhere")
    func redaction() throws {
        let secret = try #require(Secret("s3cr3t-value-of-the-key"))
        var dumped = ""
        dump(secret, to: &dumped)
        for text in [
            "\(secret)", String(reflecting: secret), dumped, "\(BridgeSettings(baseURL: "http://b", apiKey: secret))",
        ] {
            #expect(!text.contains("s3cr3t"))
            #expect(text.contains("redacted"))
        }
        #expect(secret.reveal { $0 } == "s3cr3t-value-of-the-key")
    }

    @Test("a secret that could not stand in a field is none", arguments: ["", "with space", "line\nbreak", "ümlaut"])
    func notASecret(text: String) {
        #expect(Secret(text) == nil)
    }

    @Test("digests, not keys, are held")
    func noKeysHeld() throws {
        var dumped = ""
        dump(try keys("shop:first-key-of-the-shop"), to: &dumped)
        #expect(dumped.contains("shop"))
        #expect(!dumped.contains("first-key"))
    }
}
