/// The 402 of one route in all forms at once, rendered once but for what varies from request to request.
///
/// The version 2 header is base64 of JSON whose pieces are padded with spaces to multiples of three bytes, so that the
/// texts of the pieces can be put side by side: what varies (`error`, the URL's target) is encoded alone. Immutable;
/// safe from any thread.
package struct ChallengeTemplate: Sendable {
    private let header: ChallengeHeader
    private let body: ChallengeBody
    /// The head in front of `page`.
    private let pageHeader: ChallengeHeader
    /// The body for a browser.
    package let page: ChallengePage

    /// Renders the offers, which must not be none in both versions.
    ///
    /// `version1` are the offers that the body lists, by default all. `resourceOrigin` is scheme and authority, to which the request's target is appended. `grantHeader` names one
    /// more field that scripts may read. `price` is for people. `extensions` are those of every challenge, by their keys.
    package init(
        offers: [PaymentRequirements], version1: [PaymentRequirements]? = nil, resourceOrigin: String,
        description: String = "", mimeType: String = "", price: String = "", grantHeader: String? = nil,
        extensions: [JSONMember] = [], outputSchema: JSONValue? = nil
    ) {
        let version1 = version1 ?? offers
        precondition(!offers.isEmpty || !version1.isEmpty, "a challenge has an offer")
        let origin = resourceOrigin.hasSuffix("/") ? String(resourceOrigin.dropLast()) : resourceOrigin
        let resource = Resource(
            url: origin, description: description, mimeType: mimeType, outputSchema: outputSchema)
        header = ChallengeHeader(
            offers: offers, resource: resource, grantHeader: grantHeader, extensions: extensions)
        body = ChallengeBody(offers: version1, resource: resource)
        pageHeader = ChallengeHeader(
            offers: offers, resource: resource, grantHeader: grantHeader, extensions: extensions,
            contentType: "text/html; charset=utf-8")
        var networks: [String] = []
        for offer in offers + version1 where !networks.contains(offer.network.name) {
            networks.append(offer.network.name)
        }
        page = ChallengePage(description: description, price: price, networks: networks)
    }

    /// The extensions of a challenge that adds some of its own to those of every challenge, for `writeHead`.
    package func extensions(adding members: [JSONMember]) -> [UInt8] { header.piece(adding: members) }

    /// The most bytes that `writeHead` writes, beside extensions of its own.
    package func headBound(targetBytes: Int, errorBytes: Int) -> Int {
        pageHeader.bound(targetBytes: targetBytes, errorBytes: errorBytes)
    }

    /// The most bytes that `writeBody` writes.
    package func bodyBound(targetBytes: Int, errorBytes: Int, requestIDBytes: Int = 64) -> Int {
        body.bound(targetBytes: targetBytes, errorBytes: errorBytes, requestIDBytes: requestIDBytes)
    }

    /// Writes the status line and the fields of the challenge, without framing fields and the empty line.
    ///
    /// `expires` is Unix time, for the plain form; `isPage` announces `page` instead of the JSON body. Needs `headBound` of room
    /// and what `extensions` take; returns the length.
    package func writeHead(
        error: ChallengeError, target: UnsafeRawBufferPointer, expires: UInt64, isPage: Bool = false,
        extensions: [UInt8]? = nil, into memory: UnsafeMutableRawBufferPointer
    ) -> Int {
        var sink = ByteSink(memory)
        (isPage ? pageHeader : header).write(
            error: error, target: AdvertisedTarget(target), expires: expires, extensions: extensions, into: &sink)
        return sink.count
    }

    /// Writes the JSON body: version 1's where it can say any of the offers, else the error alone.
    ///
    /// An empty `requestID` is left out; it must be plain ASCII. Needs `bodyBound` of room; returns the length.
    package func writeBody(
        error: ChallengeError, target: UnsafeRawBufferPointer, requestID: UnsafeRawBufferPointer,
        into memory: UnsafeMutableRawBufferPointer
    ) -> Int {
        var sink = ByteSink(memory)
        body.write(error: error, target: AdvertisedTarget(target), requestID: requestID, into: &sink)
        return sink.count
    }
}
