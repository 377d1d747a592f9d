/// Follows the way of a request back, from the peer to the first address that is not trusted.
///
/// The nearest proxy's word comes last in the fields. What stands in front of the client's address came from the client,
/// and is not read.
struct ProxyChain {
    private let direct: ClientIdentity
    private let peer: DownstreamPeer
    private let trusted: TrustedPeers
    /// Addresses in the order of the walk: the nearest first.
    private var walked: [IPAddress] = []
    private var client: IPAddress?
    private var state = State.walking
    private var isSecure: Bool?
    private var host: Range<Int>?

    private enum State {
        case walking
        /// The client is found; `alone` while nothing in front of it has been seen.
        case found(alone: Bool)
        /// A proxy does not say who its client is.
        case hidden
        case malformed
    }

    init(_ direct: ClientIdentity, peer: DownstreamPeer, trusted: TrustedPeers) {
        self.direct = direct
        self.peer = peer
        self.trusted = trusted
    }

    /// What came of the walk.
    func identity(_ head: RequestHead) -> ClientIdentity {
        var identity = direct
        identity.isProof = false
        if case .malformed = state {
            identity.remark = "a trusted proxy sent a malformed forwarding field"
            return identity
        }
        identity.isSecure = isSecure ?? direct.isSecure
        identity.host = host
        identity.isOriginTold = isSecure != nil || host != nil
        guard let address = client ?? walked.last else { return identity }
        var hops = walked
        if client == nil { hops.removeLast() }
        identity.address = address
        identity.hops = hops.reversed()
        identity.relay = peer.address.map(ClientIdentity.Relay.proxy) ?? .unixSocket
        switch state {
        case .found(let alone): identity.isProof = alone && Self.vias(head) <= walked.count + 1
        case .walking: identity.isProof = Self.vias(head) <= walked.count
        case .hidden, .malformed: break
        }
        return identity
    }

    /// Takes the word of one proxy; once the client is found, that there is a word in front of it at all.
    private mutating func step(_ node: ForwardedNode?) {
        switch state {
        case .found: state = .found(alone: false)
        case .hidden, .malformed: return
        case .walking:
            switch node {
            case nil: state = .malformed
            case .hidden: state = .hidden
            case .address(let address) where trusted.contains(address): walked.append(address)
            case .address(let address):
                client = address
                state = .found(alone: true)
            }
        }
    }

    private var isWalking: Bool {
        if case .walking = state { return true }
        return false
    }

    // MARK: X-Forwarded-For, -Proto, -Host

    mutating func readX(_ head: RequestHead) {
        head.withBytes { bytes in
            for field in head.fields.reversed() where field.known == .xForwardedFor {
                var rest: Int? = field.value.upperBound
                while isWalking, let end = rest {
                    let element = Self.lastElement(bytes, field.value.lowerBound..<end)
                    step(ForwardedNode(UnsafeRawBufferPointer(rebasing: bytes[element.text]), isBracketed: false))
                    rest = element.next
                }
                if isWalking { continue }
                if rest != nil || Self.isBehindAnother(field, of: head) { step(nil) }
                break
            }
            if let field = head.fields.last(where: { $0.known == .xForwardedProto }) {
                let text = Self.lastElement(bytes, field.value).text
                isSecure = TransportScheme.isSecure(UnsafeRawBufferPointer(rebasing: bytes[text])[...])
            }
            if let field = head.fields.last(where: { $0.known == .xForwardedHost }) {
                let text = Self.lastElement(bytes, field.value).text
                if !text.isEmpty { host = text }
            }
        }
    }

    /// The last element of a list, without the white space around it, and where the list in front of its comma ends.
    private static func lastElement(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) -> (text: Range<Int>, next: Int?) {
        let comma = bytes[range].lastIndex(of: UInt8(ascii: ","))
        var start = comma.map { $0 + 1 } ?? range.lowerBound
        var end = range.upperBound
        while start < end, isSpace(bytes[start]) { start += 1 }
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return (start..<end, comma)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Whether the same field came in a line before this one.
    private static func isBehindAnother(_ field: FieldSpan, of head: RequestHead) -> Bool {
        head.first(field.known).map { $0.line != field.line } ?? false
    }

    // MARK: Forwarded

    mutating func readForwarded(_ head: RequestHead) {
        guard head.has(.forwarded) else { return }
        head.withBytes { bytes in
            var elements: [ForwardedElement] = []
            for field in head.fields where field.known == .forwarded {
                guard ForwardedElement.read(bytes, field.value, into: &elements) else {
                    state = .malformed
                    return
                }
            }
            for element in elements.reversed() {
                let wasWalking = isWalking
                step(element.node ?? .hidden)
                guard wasWalking else { break }
                // Each proxy tells how its own client reached it; the last word is that of the one nearest to the client.
                isSecure = element.isSecure
                host = element.host
            }
        }
    }

    /// The proxies that left their name in `Via`.
    private static func vias(_ head: RequestHead) -> Int {
        guard head.has(.via) else { return 0 }
        return head.withBytes { bytes in
            head.fields.reduce(0) { count, field in
                guard field.known == .via else { return count }
                return count + 1 + bytes[field.value].count { $0 == UInt8(ascii: ",") }
            }
        }
    }
}
