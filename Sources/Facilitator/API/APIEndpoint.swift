import Transport

/// What a request to the API is for.
enum APIEndpoint: Hashable {
    case verify, settle, supported, health
    /// `GET /verify` and `GET /settle` describe themselves.
    case describeVerify, describeSettle
    case notFound
    case methodNotAllowed(allow: String)

    /// Finds the endpoint of a method and a path; HEAD is answered as GET.
    init(method: Method, path: Substring) {
        let isGet = method == .get || method == .head
        switch path {
        case "/verify": self = method == .post ? .verify : isGet ? .describeVerify : Self.postOrGet
        case "/settle": self = method == .post ? .settle : isGet ? .describeSettle : Self.postOrGet
        case "/supported": self = isGet ? .supported : Self.getOnly
        case "/health": self = isGet ? .health : Self.getOnly
        default: self = .notFound
        }
    }

    /// The endpoint of a request.
    init(_ head: RequestHead) {
        let target = head.string(head.targetRange)
        self.init(method: head.method, path: target.prefix { $0 != "?" })
    }

    private static var postOrGet: APIEndpoint { .methodNotAllowed(allow: "GET, HEAD, POST") }
    private static var getOnly: APIEndpoint { .methodNotAllowed(allow: "GET, HEAD") }
}
