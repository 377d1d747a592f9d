import Transport

/// The request to pay for, as curl's options describe it.
struct PayRequest {
    var method: String
    var url: OutgoingURL
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    /// The largest answer that is read.
    static let maxResponseBytes = 256 << 20

    /// What is wrong with the options.
    struct Mistake: Error, Hashable {
        let reason: String
    }

    /// Reads a URL, which may leave out `http://`, and lines `Name: value`.
    init(url text: String, method: String?, headerLines: [String], data: [UInt8]?) throws(Mistake) {
        guard let url = OutgoingURL(text.contains("://") ? text : "http://" + text) else {
            throw Mistake(reason: "`\(text.shown())` is not an http or https URL")
        }
        self.url = url
        self.method = method ?? (data == nil ? "GET" : "POST")
        headers = []
        for line in headerLines {
            guard let field = FieldArgument.read(line) else {
                throw Mistake(reason: "a header is written `Name: value`")
            }
            headers.append(field)
        }
        if data != nil, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        }
        body = data ?? []
    }

    /// The message to send, with a payment and its grant where there are any.
    func message(
        timeout: Duration, payment: PaymentField? = nil, grant: String? = nil
    ) -> OutgoingRequest {
        var headers = headers
        if !headers.contains(where: { $0.name.lowercased() == "user-agent" }) {
            headers.append(("user-agent", "farebox-pay"))
        }
        if let payment { headers.append((payment.name, payment.value)) }
        if let grant { headers.append(("payment-grant", grant)) }
        return OutgoingRequest(
            method: method, url: url, headers: headers, body: body, timeout: timeout,
            maxResponseBytes: Self.maxResponseBytes)
    }
}
