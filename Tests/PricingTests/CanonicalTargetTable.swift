@testable import Pricing

/// A target that is let through, and the bytes that are priced and forwarded.
struct AcceptedTarget: Sendable {
    var target: String
    var forwarded: String
    var doubts: TargetDoubts

    init(_ target: String, _ forwarded: String? = nil, doubts: TargetDoubts = []) {
        self.target = target
        self.forwarded = forwarded ?? target
        self.doubts = doubts
    }
}

/// A target that is refused, and why.
struct RefusedTarget: Sendable {
    var target: [UInt8]
    var refusal: TargetRefusal

    init(_ target: String, _ refusal: TargetRefusal) {
        self.init(bytes: Array(target.utf8), refusal)
    }

    init(bytes: [UInt8], _ refusal: TargetRefusal) {
        self.target = bytes
        self.refusal = refusal
    }
}

enum CanonicalTargetTable {
    /// `Host` is `shop.example` in all of them.
    static let accepted: [AcceptedTarget] = plain + decoded + keptSpelling + doubted + absolute + queries

    private static let plain = [
        AcceptedTarget("/"), AcceptedTarget("/a"), AcceptedTarget("/a/"), AcceptedTarget("/a/b/c"),
        AcceptedTarget("/A/b"), AcceptedTarget("/v1/weather/bergen"), AcceptedTarget("/-_~"),
        AcceptedTarget("/!$&'()*,=:@"), AcceptedTarget("/a:b@c"), AcceptedTarget("/~user/"),
        AcceptedTarget("/.well-known/x402"), AcceptedTarget("/.hidden"), AcceptedTarget("/0"),
        AcceptedTarget("/a=b,c"), AcceptedTarget("/*"), AcceptedTarget("/:id"), AcceptedTarget("/(a)"),
    ]

    private static let decoded = [
        AcceptedTarget("/%70aid", "/paid"), AcceptedTarget("/%50aid", "/Paid"), AcceptedTarget("/p%61%69d", "/paid"),
        AcceptedTarget("/%7Eme", "/~me"), AcceptedTarget("/%7eme", "/~me"), AcceptedTarget("/a%2Db", "/a-b"),
        AcceptedTarget("/a%2db", "/a-b"), AcceptedTarget("/a%5Fb", "/a_b"), AcceptedTarget("/%30%39", "/09"),
        AcceptedTarget("/%70/%71?x=%70", "/p/q?x=%70"), AcceptedTarget("/%61?", "/a?"),
        AcceptedTarget("/%61%40%61", "/a%40a"), AcceptedTarget("/%7A%5a", "/zZ"),
    ]

    private static let keptSpelling = [
        AcceptedTarget("/%40user"), AcceptedTarget("/%3Aid"), AcceptedTarget("/a%20b"), AcceptedTarget("/100%25"),
        AcceptedTarget("/%25/41"), AcceptedTarget("/%25g1"), AcceptedTarget("/%254"), AcceptedTarget("/%25user"),
        AcceptedTarget("/a%26b"), AcceptedTarget("/%22"), AcceptedTarget("/%3C%3E"), AcceptedTarget("/%7Bid%7D"),
        AcceptedTarget("/%7b"), AcceptedTarget("/a%2Cb"), AcceptedTarget("/a%2cb"), AcceptedTarget("/%3D"),
        AcceptedTarget("/%60%7C%5E"), AcceptedTarget("/%5B1%5D"), AcceptedTarget("/%2A"),
    ]

    private static let doubted = [
        AcceptedTarget("/caf%C3%A9", doubts: .unicode), AcceptedTarget("/caf%c3%a9", doubts: .unicode),
        AcceptedTarget("/%E6%97%A5%E6%9C%AC", doubts: .unicode), AcceptedTarget("/%F0%9F%98%80", doubts: .unicode),
        AcceptedTarget("/%F4%8F%BF%BF", doubts: .unicode), AcceptedTarget("/%ED%9F%BF", doubts: .unicode),
        AcceptedTarget("/%EE%80%80", doubts: .unicode), AcceptedTarget("/%E2%84%AA", doubts: .unicode),
        AcceptedTarget("/%EF%BD%81", doubts: .unicode), AcceptedTarget("/%C2%A0", doubts: .unicode),
        AcceptedTarget("/a;b", doubts: .pathParameter), AcceptedTarget("/a%3Bb", doubts: .pathParameter),
        AcceptedTarget("/a%3bb", doubts: .pathParameter), AcceptedTarget("/;", doubts: .pathParameter),
        AcceptedTarget("/a;jsessionid=1/b", doubts: .pathParameter),
        AcceptedTarget("/a%3Fb", doubts: .encodedDelimiter), AcceptedTarget("/a%23b", doubts: .encodedDelimiter),
        AcceptedTarget("/c%23", doubts: .encodedDelimiter),
        AcceptedTarget("/a.", doubts: [.edge, .suffix]), AcceptedTarget("/a./b", doubts: .edge),
        AcceptedTarget("/...", doubts: [.edge, .suffix]), AcceptedTarget("/.../a", doubts: .edge),
        AcceptedTarget("/a..b", doubts: [.edge, .suffix]), AcceptedTarget("/a%20", doubts: .edge),
        AcceptedTarget("/%20a", doubts: .edge), AcceptedTarget("/a%20/b", doubts: .edge),
        AcceptedTarget("/a%20.json", doubts: [.edge, .suffix]), AcceptedTarget("/%20", doubts: .edge),
        AcceptedTarget("/a+b", doubts: .plus), AcceptedTarget("/a%2Bb", doubts: .plus),
        AcceptedTarget("/a%2bb", doubts: .plus),
        AcceptedTarget("/a.json", doubts: .suffix), AcceptedTarget("/a.tar.gz", doubts: .suffix),
        AcceptedTarget("/a.json/", doubts: .suffix), AcceptedTarget("/a.json?x", doubts: .suffix),
        AcceptedTarget("/a.json/?x", doubts: .suffix), AcceptedTarget("/a.b/c"), AcceptedTarget("/v1.2/c"),
        AcceptedTarget("/%61.json", "/a.json", doubts: .suffix),
    ]

    private static let absolute = [
        AcceptedTarget("http://shop.example/a", "/a"), AcceptedTarget("HTTP://SHOP.example/a", "/a"),
        AcceptedTarget("https://shop.example/a?b", "/a?b"), AcceptedTarget("http://shop.example", "/"),
        AcceptedTarget("http://shop.example?x=1", "/?x=1"), AcceptedTarget("http://shop.example:80/a", "/a"),
        AcceptedTarget("https://shop.example:443/a", "/a"), AcceptedTarget("http://shop.example./a", "/a"),
        AcceptedTarget("http://shop.example/%61", "/a"), AcceptedTarget("http://shop.example/", "/"),
    ]

    private static let queries = [
        AcceptedTarget("/a?"), AcceptedTarget("/a?b=c&d=e"), AcceptedTarget("/a?b?c"), AcceptedTarget("/a?/../b"),
        AcceptedTarget("/a?x=%2e%2e%2f"), AcceptedTarget("/a?x=%00"), AcceptedTarget("/a?x=%0a"),
        AcceptedTarget("/a?x=%zz"), AcceptedTarget("/a?%"), AcceptedTarget("/a?a|b"), AcceptedTarget("/a?{x}"),
        AcceptedTarget("/a?a[]=1"), AcceptedTarget("/a?<b>"), AcceptedTarget("/a?`^"), AcceptedTarget("/?;=+"),
        AcceptedTarget("/a?//"), AcceptedTarget("/a/?b"),
    ]

    /// `Host` is `shop.example` in all of them.
    static let refused: [RefusedTarget] = segments + encodings + characters + unicode + doubled + forms

    private static let segments: [RefusedTarget] = [
        RefusedTarget("/.", .dotSegment), RefusedTarget("/..", .dotSegment), RefusedTarget("/./a", .dotSegment),
        RefusedTarget("/../a", .dotSegment), RefusedTarget("/a/.", .dotSegment), RefusedTarget("/a/..", .dotSegment),
        RefusedTarget("/a/./b", .dotSegment), RefusedTarget("/a/../b", .dotSegment),
        RefusedTarget("/a/..?x", .dotSegment), RefusedTarget("/a/../", .dotSegment),
        RefusedTarget("//", .emptySegment), RefusedTarget("//a", .emptySegment), RefusedTarget("/a//b", .emptySegment),
        RefusedTarget("/a//", .emptySegment), RefusedTarget("///", .emptySegment),
        RefusedTarget("//evil.example/a", .emptySegment), RefusedTarget("/a//?x", .emptySegment),
        RefusedTarget("http://shop.example//a", .emptySegment),
    ]

    private static let encodings: [RefusedTarget] = [
        RefusedTarget("/%2e", .encodedDot), RefusedTarget("/%2E%2E/a", .encodedDot),
        RefusedTarget("/.%2e/a", .encodedDot),
        RefusedTarget("/%2e./a", .encodedDot), RefusedTarget("/a%2ejson", .encodedDot),
        RefusedTarget("/a%2Fb", .encodedSlash), RefusedTarget("/a%2fb", .encodedSlash),
        RefusedTarget("/%2F", .encodedSlash), RefusedTarget("/..%2fa", .encodedSlash),
        RefusedTarget("/a%5Cb", .backslash), RefusedTarget("/a%5cb", .backslash), RefusedTarget("/..%5ca", .backslash),
        RefusedTarget("/a%00", .nul), RefusedTarget("/a%00.json", .nul), RefusedTarget("/%00", .nul),
        RefusedTarget("/a%0a", .control), RefusedTarget("/a%0D%0Ab", .control), RefusedTarget("/a%09", .control),
        RefusedTarget("/a%1F", .control), RefusedTarget("/a%7F", .control), RefusedTarget("/a%01", .control),
        RefusedTarget("/%", .badPercent), RefusedTarget("/%4", .badPercent), RefusedTarget("/%zz", .badPercent),
        RefusedTarget("/%4g", .badPercent), RefusedTarget("/%g4", .badPercent), RefusedTarget("/%%41", .badPercent),
        RefusedTarget("/%u0061", .badPercent), RefusedTarget("/%?41", .badPercent), RefusedTarget("/a%2", .badPercent),
        RefusedTarget("/%-1", .badPercent), RefusedTarget("/% 1", .badPercent), RefusedTarget("/%+1", .badPercent),
    ]

    private static let characters: [RefusedTarget] = [
        RefusedTarget("/a\\b", .backslash), RefusedTarget("/\\", .backslash), RefusedTarget("/..\\a", .backslash),
        RefusedTarget("/a?\\", .backslash), RefusedTarget("/a b", .badCharacter), RefusedTarget("/a\"b", .badCharacter),
        RefusedTarget("/<a>", .badCharacter), RefusedTarget("/{id}", .badCharacter),
        RefusedTarget("/a|b", .badCharacter),
        RefusedTarget("/a^b", .badCharacter), RefusedTarget("/`a", .badCharacter), RefusedTarget("/[a]", .badCharacter),
        RefusedTarget("/a?b c", .badCharacter), RefusedTarget("/a?\"", .badCharacter),
        RefusedTarget("/a\u{0}", .nul), RefusedTarget("/a?\u{0}", .nul), RefusedTarget("/a\n", .control),
        RefusedTarget("/a\r\nX: y", .control), RefusedTarget("/a\tb", .control), RefusedTarget("/a\u{7F}", .control),
        RefusedTarget("/a?b\nc", .control), RefusedTarget("/é", .nonASCII), RefusedTarget("/a?é", .nonASCII),
        RefusedTarget("/日本", .nonASCII), RefusedTarget(bytes: [0x2F, 0xFF], .nonASCII),
        RefusedTarget(bytes: [0x2F, 0x80, 0x2F], .nonASCII), RefusedTarget(bytes: [0x2F, 0xC0, 0xAE], .nonASCII),
        RefusedTarget("/a#b", .fragment), RefusedTarget("/a?b#c", .fragment), RefusedTarget("/#", .fragment),
    ]

    private static let unicode: [RefusedTarget] = [
        RefusedTarget("/%C0%AE", .overlongUTF8), RefusedTarget("/%c0%af", .overlongUTF8),
        RefusedTarget("/%C1%9C", .overlongUTF8), RefusedTarget("/%C0%80", .overlongUTF8),
        RefusedTarget("/%E0%80%AF", .overlongUTF8), RefusedTarget("/%E0%9F%BF", .overlongUTF8),
        RefusedTarget("/%F0%80%80%AF", .overlongUTF8), RefusedTarget("/%F0%8F%BF%BF", .overlongUTF8),
        RefusedTarget("/%80", .brokenUTF8), RefusedTarget("/%BF", .brokenUTF8), RefusedTarget("/%C3", .brokenUTF8),
        RefusedTarget("/%C3a", .brokenUTF8), RefusedTarget("/%C3%41", .brokenUTF8),
        RefusedTarget("/%C3/%A9", .brokenUTF8), RefusedTarget("/%E2%82", .brokenUTF8),
        RefusedTarget("/%E2%82/", .brokenUTF8), RefusedTarget("/%ED%A0%80", .brokenUTF8),
        RefusedTarget("/%ED%BF%BF", .brokenUTF8), RefusedTarget("/%F4%90%80%80", .brokenUTF8),
        RefusedTarget("/%F5%80%80%80", .brokenUTF8), RefusedTarget("/%F8%80%80%80%AF", .brokenUTF8),
        RefusedTarget("/%FC%80%80%80%80%AF", .brokenUTF8), RefusedTarget("/%FE", .brokenUTF8),
        RefusedTarget("/%FF", .brokenUTF8), RefusedTarget("/%C3%zz", .badPercent), RefusedTarget("/%C2%80", .control),
        RefusedTarget("/%C2%85", .control), RefusedTarget("/%C2%9F", .control),
        RefusedTarget("/a%EF%BC%8Fb", .lookalike), RefusedTarget("/a%E2%88%95b", .lookalike),
        RefusedTarget("/a%E2%81%84b", .lookalike), RefusedTarget("/a%EF%BC%BCb", .lookalike),
        RefusedTarget("/%EF%BC%8E%EF%BC%8E/a", .lookalike), RefusedTarget("/%E2%80%A4/a", .lookalike),
        RefusedTarget("/%E2%80%A5/a", .lookalike), RefusedTarget("/%EF%B9%92/a", .lookalike),
        RefusedTarget("/a%EF%B9%A8b", .lookalike), RefusedTarget("/a%E2%88%96b", .lookalike),
    ]

    private static let doubled: [RefusedTarget] = [
        RefusedTarget("/%2541", .doubleEncoding), RefusedTarget("/%252e%252e/a", .doubleEncoding),
        RefusedTarget("/%252F", .doubleEncoding), RefusedTarget("/%255c", .doubleEncoding),
        RefusedTarget("/%2500", .doubleEncoding), RefusedTarget("/%25%34%31", .doubleEncoding),
        RefusedTarget("/%25%341", .doubleEncoding), RefusedTarget("/%254%31", .doubleEncoding),
        RefusedTarget("/%25252e", .doubleEncoding), RefusedTarget("/%25%2541", .doubleEncoding),
        RefusedTarget("/%25u0041", .doubleEncoding), RefusedTarget("/%25%750041", .doubleEncoding),
        RefusedTarget("/%25U002e", .doubleEncoding), RefusedTarget("/%253B", .doubleEncoding),
    ]

    private static let forms: [RefusedTarget] = [
        RefusedTarget("", .notOriginForm), RefusedTarget("*", .notOriginForm), RefusedTarget("a", .notOriginForm),
        RefusedTarget("shop.example:443", .notOriginForm), RefusedTarget("?x", .notOriginForm),
        RefusedTarget("ftp://shop.example/a", .notOriginForm), RefusedTarget("http:/shop.example/a", .notOriginForm),
        RefusedTarget("http:///a", .badAuthority), RefusedTarget("http://", .badAuthority),
        RefusedTarget("%2Fa", .notOriginForm), RefusedTarget("\\a", .notOriginForm),
        RefusedTarget("http://other.example/a", .authorityMismatch),
        RefusedTarget("http://shop.example:81/a", .authorityMismatch),
        RefusedTarget("http://shop.example:443/a", .authorityMismatch),
        RefusedTarget("https://shop.example:80/a", .authorityMismatch),
        RefusedTarget("http://shop.example.evil/a", .authorityMismatch),
        RefusedTarget("http://user@shop.example/a", .userinfo), RefusedTarget("http://a:b@shop.example/", .userinfo),
        RefusedTarget("http://@shop.example/", .userinfo), RefusedTarget("http://shop.example@evil/a", .userinfo),
        RefusedTarget("http://shop%2Eexample/a", .badAuthority), RefusedTarget("http://sho p.example/a", .badAuthority),
        RefusedTarget("http://shop.example:/a", .badAuthority), RefusedTarget("http://shop.example:x/a", .badAuthority),
        RefusedTarget("http://shop..example/a", .badAuthority),
        RefusedTarget("http://shop.example\\@evil/a", .backslash),
        RefusedTarget("http://shop.example#a", .fragment), RefusedTarget("http://shop.example/../a", .dotSegment),
    ]
}
