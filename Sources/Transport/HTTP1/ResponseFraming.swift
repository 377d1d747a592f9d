/// How a response's end is marked, and whether its connection goes on.
struct ResponseFraming: Equatable {
    /// What follows the head.
    enum Coding: Equatable {
        /// Nothing, whatever the handler writes.
        case nothing
        case length(UInt64)
        case chunked
        case untilClose
    }

    let coding: Coding
    /// The length to announce, also where no body follows.
    let contentLength: UInt64?
    let closes: Bool

    /// What stands before the first response of a connection.
    static var unset: ResponseFraming {
        ResponseFraming(status: 200, method: .get, isHTTP10: false, body: .none, keepAlive: true)
    }

    /// What follows a 101: whatever is written, to the end of the connection.
    static var tunnel: ResponseFraming {
        ResponseFraming(status: 200, method: .get, isHTTP10: true, body: .stream, keepAlive: false)
    }

    /// Decides for a final response (RFC 9112 §6.1, §6.3; RFC 9110 §8.6).
    ///
    /// - Parameter keepAlive: Whether client and server both want to go on with the connection.
    init(status: Int, method: Method, isHTTP10: Bool, body: ResponseBody, keepAlive: Bool) {
        let hasNoBody = method == .head || status == 204 || status == 304
        switch body {
        case .none:
            coding = .nothing
            contentLength = hasNoBody ? nil : 0
            closes = !keepAlive
        case .length(let length):
            coding = hasNoBody ? .nothing : .length(length)
            contentLength = status == 204 ? nil : length
            closes = !keepAlive
        case .stream:
            contentLength = nil
            if hasNoBody {
                coding = .nothing
                closes = !keepAlive
            } else if isHTTP10 {
                coding = .untilClose
                closes = true
            } else {
                coding = .chunked
                closes = !keepAlive
            }
        }
    }
}
