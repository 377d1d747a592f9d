import Primitives
import Testing
import X402

@Suite("A sign-in of a payer's key")
struct SignInTests {
    static let key = [UInt8](repeating: 7, count: 32)
    static let domain = "api.example.com"
    static let uri = "https://api.example.com/files/1"
    static let now = UnixTime(1_795_866_325)
    static let request = SignInRequest(domain: domain, uri: uri, now: now, salt: 0xDEAD_BEEF, key: key)

    /// What an official client makes of our request, as JSON members.
    static func members(_ changes: [String: JSONValue?] = [:]) -> [JSONMember] {
        let all: [(String, JSONValue)] = [
            ("domain", .string(domain)), ("address", .string("0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c")),
            ("statement", .string(SignInRequest.statement)), ("uri", .string(uri)), ("version", .string("1")),
            ("chainId", .string("eip155:8453")), ("type", .string("eip191")), ("nonce", .string(request.nonce)),
            ("issuedAt", .string(request.issuedAt)), ("expirationTime", .string(request.expirationTime)),
            ("resources", .array([.string(uri)])), ("signature", .string("0x" + String(repeating: "ab", count: 65))),
        ]
        var members = all.compactMap { name, value -> JSONMember? in
            guard let change = changes[name] else { return JSONMember(name, value) }
            return change.map { JSONMember(name, $0) }
        }
        for (name, change) in changes where !all.contains(where: { $0.0 == name }) {
            if let change { members.append(JSONMember(name, change)) }
        }
        return members
    }

    static func read(_ changes: [String: JSONValue?] = [:]) throws -> SignIn {
        try read(Base64.encode(JSONValue.object(members(changes)).encoded()))
    }

    static func read(_ header: String) throws -> SignIn {
        try Array(header.utf8).withUnsafeBytes { try SignIn.read($0) }
    }

    static func refusal(_ signIn: SignIn, uri: String = uri, now: UnixTime = now) -> SignInRefusal? {
        switch SignInRequest.judge(
            signIn, domain: domain, uri: uri, chains: ["eip155:8453"], now: now, key: key)
        {
        case .accepted(let until):
            #expect(until == Self.now.adding(seconds: 300))
            return nil
        case .refused(let refusal): return refusal
        }
    }

    @Test("answers the request that a 402 made, for five minutes")
    func answers() throws {
        let signIn = try Self.read()
        #expect(Self.refusal(signIn) == nil)
        #expect(Self.refusal(signIn, now: Self.now.adding(seconds: 299)) == nil)
        #expect(Self.refusal(signIn, now: Self.now.adding(seconds: 300)) == .expired)
        #expect(Self.refusal(signIn, now: Self.now.adding(seconds: -6)) == .expired)
        #expect(Self.request.issuedAt == "2026-11-28T11:45:25Z" && Self.request.nonce.utf8.count == 32)
    }

    static let changes: [(String, JSONValue?, SignInRefusal)] = [
        ("domain", .string("evil.example"), .domain), ("uri", .string("https://api.example.com/files/2"), .uri),
        ("version", .string("2"), .chain), ("type", .string("ed25519"), .chain),
        ("chainId", .string("eip155:1"), .chain), ("nonce", .string(String(repeating: "0", count: 32)), .nonce),
        ("nonce", .string("x"), .nonce), ("nonce", .string("0x" + request.nonce), .nonce),
        ("issuedAt", .string("2026-11-28T11:45:26Z"), .changed),
        ("expirationTime", .string("2027-11-28T11:45:25Z"), .changed),
        ("statement", .string("I owe you everything"), .changed),
        ("notBefore", .string("2026-01-01T00:00:00Z"), .changed),
        ("requestId", .string("1"), .changed), ("resources", .array([.string("https://elsewhere.example/")]), .changed),
    ]

    @Test("is refused where anything is not as we asked", arguments: changes)
    func changed(name: String, value: JSONValue?, refusal: SignInRefusal) throws {
        #expect(Self.refusal(try Self.read([name: value])) == refusal)
    }

    @Test("is bound to the resource, and to the key of the paywall")
    func bound() throws {
        let signIn = try Self.read(["uri": .string("https://api.example.com/files/2")])
        #expect(Self.refusal(signIn, uri: signIn.uri) == .nonce)
        let other = SignInRequest(domain: Self.domain, uri: Self.uri, now: Self.now, salt: 1, key: [1])
        #expect(Self.refusal(try Self.read(["nonce": .string(other.nonce)])) == .nonce)
    }

    @Test("signs the text of EIP-4361, as the official clients write it")
    func text() throws {
        let signIn = try Self.read(["nonce": .string("0123456789abcdef0123456789abcdef")])
        let expected = """
            api.example.com wants you to sign in with your Ethereum account:
            0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c

            Sign in to use what you have paid for.

            URI: https://api.example.com/files/1
            Version: 1
            Chain ID: 8453
            Nonce: 0123456789abcdef0123456789abcdef
            Issued At: 2026-11-28T11:45:25Z
            Expiration Time: 2026-11-28T11:50:25Z
            Resources:
            - https://api.example.com/files/1
            """
        #expect(signIn.message == expected)
        // Computed with eth-account 0.14.0, `encode_defunct`.
        let digest = try #require(signIn.digest)
        #expect(
            Hex.encode(digest.bytes, prefix: false)
                == "96749b87b920b85f3b68228f38eb5d1578969343c23e099aa512007b33cb1558")
    }

    @Test("has no text where a field could pass for another line, or the chain is no EVM's")
    func ambiguous() throws {
        #expect(try Self.read(["statement": .string("a\nURI: x")]).message == nil)
        #expect(try Self.read(["resources": .array([.string("a\u{7F}")])]).message == nil)
        #expect(try Self.read(["chainId": .string("solana:x")]).message == nil)
        #expect(try Self.read(["signature": .string("0x00")]).signatureBytes == nil)
        #expect(try Self.read().signatureBytes?.count == 65)
    }

    static let broken: [String] = [
        "", "%%%", "e30=", "W10=", Base64.encode([UInt8](repeating: 0x20, count: 9_000)),
        Base64.encode(JSONValue.object(members(["resources": .array([.null])])).encoded()),
        Base64.encode(JSONValue.object(members(["address": nil as JSONValue?])).encoded()),
        Base64.encode(JSONValue.object(members() + members()).encoded()),
    ]

    @Test("is refused when it cannot be read", arguments: broken)
    func unreadable(header: String) {
        #expect(throws: WireError.self) { try Self.read(header) }
    }
}
