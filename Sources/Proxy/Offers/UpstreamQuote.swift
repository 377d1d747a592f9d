package import Pricing
import Primitives
package import Transport

/// How a route's upstream is asked for the price of a request.
package struct UpstreamQuote: Sendable {
    /// A part of the target that is asked.
    package enum Piece: Hashable, Sendable {
        case text(String)
        /// A segment of the request's path, by its number.
        case segment(Int)
    }

    let method: Method
    private let methodName: String
    /// Nil for the request's own path; its query goes along in any case.
    private let path: [Piece]?
    /// The field of the answer that has the price, in lower case.
    let header: String
    /// Fields of the request that go along, in lower case.
    private let headers: Set<String>
    let timeout: Duration
    /// Whether the margin comes on top of what it says.
    let isCost: Bool

    package init(
        header: String, method: String = "HEAD", path: [Piece]? = nil, headers: Set<String> = [], timeout: Duration,
        isCost: Bool = false
    ) {
        self.header = header
        methodName = method
        self.method = Self.methods[method] ?? .other
        self.path = path
        self.headers = headers
        self.timeout = timeout
        self.isCost = isCost
    }

    /// The head that is sent, without the host where the client named none; all that its answer may depend on.
    ///
    /// - Parameters:
    ///   - target: The origin form that would be forwarded.
    ///   - host: As it would be forwarded.
    ///   - eachLine: Shows every field line that would be forwarded.
    func head(
        target: UnsafeRawBufferPointer, host: [UInt8]?, eachLine: ((FieldReader.Line) -> Void) -> Void
    ) -> [UInt8] {
        var head = Array(methodName.utf8) + [UInt8(ascii: " ")]
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        appendPath(target[..<end], to: &head)
        head += target[end...]
        head += " HTTP/1.1\r\n".utf8
        if let host { head += Array("host: ".utf8) + host + Array("\r\n".utf8) }
        eachLine { line in
            let name = String(decoding: line.name, as: UTF8.self).lowercased()
            guard headers.contains(name) else { return }
            head += Array(name.utf8) + Array(": ".utf8) + Array(line.value) + Array("\r\n".utf8)
        }
        return head
    }

    /// A field that goes along and that its readers could read differently; nil where there is none.
    func doubtful(eachLine: ((FieldReader.Line) -> Void) -> Void) -> QuoteRefusal? {
        for name in headers.sorted() {
            guard case .doubtful(let doubt) = HeaderField.read(name, eachLine: eachLine) else { continue }
            return QuoteRefusal(field: .header(name), doubt: doubt)
        }
        return nil
    }

    private func appendPath(_ own: Slice<UnsafeRawBufferPointer>, to head: inout [UInt8]) {
        guard let path else { return head += own }
        let segments = own.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for piece in path {
            switch piece {
            case .text(let text): head += text.utf8
            case .segment(let number): if number < segments.count { head += segments[number] }
            }
        }
    }

    /// What an upstream may be asked by; a POST goes without a body.
    package static let methods: [String: Method] = ["HEAD": .head, "GET": .get, "OPTIONS": .options, "POST": .post]

    /// The longest value that is read.
    package static let maximumBytes = 256

    /// Reads `$0.02`, or `$0.02; valid_for=30` with seconds; nil for whatever is not exactly that.
    package static func read(_ value: String, isCost: Bool) -> ToldPrice? {
        guard value.utf8.count <= maximumBytes else { return nil }
        let parts = value.split(separator: ";", omittingEmptySubsequences: false)
        guard let text = parts.first, parts.count <= 2, let price = try? Price.parse(String(text)) else { return nil }
        var told = ToldPrice(TablePrice(price, isCost: isCost))
        guard parts.count == 2 else { return told }
        let parameter = parts[1].drop { $0 == " " }
        guard parameter.hasPrefix("valid_for=") else { return nil }
        let digits = parameter.dropFirst("valid_for=".count)
        guard let seconds = Int64(digits), String(seconds) == digits, (0...ToldPrice.maximumSeconds).contains(seconds)
        else { return nil }
        told.seconds = seconds
        return told
    }
}
