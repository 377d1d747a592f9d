import Transport

/// Who clients are.
extension FileReader {
    /// `trusted_proxies` and `forwarded` of `[server]`.
    func proxyTrust(_ section: Section) -> ProxyTrust? {
        let peers = section.list("trusted_proxies", ValueKind.trustedPeer)
        let form = section.read("forwarded", ValueKind.word([("x", ForwardedForm.x), ("rfc7239", .rfc7239)]))
        guard let peers, let form else { return nil }
        if !section.has("trusted_proxies") { section.refuse(["forwarded"], "has no meaning without `trusted_proxies`") }
        var trusted = TrustedPeers()
        var blocks: [CIDRBlock] = []
        for peer in peers {
            switch peer.value {
            case .block(let block):
                if block.isEverything { log.warn(peer.place, "trusts everybody: any client can choose its address") }
                blocks.append(block)
            case .unixSockets: trusted.unixSockets = true
            }
        }
        trusted.blocks = CIDRSet(blocks)
        return ProxyTrust(peers: trusted, form: form.value)
    }
}

extension FileReader {
    /// `proxy_protocol` of `[server]`.
    func proxyProtocol(_ section: Section) -> Bool? {
        let isOn = section.read("proxy_protocol", ValueKind.bool)
        if isOn?.value == true, !section.has("trusted_proxies") {
            log.add(section.place(of: "proxy_protocol"), "needs `trusted_proxies`: from whom are headers taken?")
        }
        return isOn?.value
    }
}

/// One entry of `trusted_proxies`.
enum TrustedPeer: Hashable {
    case block(CIDRBlock)
    case unixSockets
}

extension ValueKind {
    static func trustedPeer(_ node: DocumentNode) -> Reading<TrustedPeer> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        if text == "unix" { return .value(.unixSockets) }
        do throws(CIDRBlock.Mistake) {
            return .value(.block(try CIDRBlock(text)))
        } catch {
            switch error {
            case .notABlock: return .mistake("is not \"10.0.0.0/8\", \"2001:db8::/32\", an address, or \"unix\"")
            case .hostBits(let suggestion):
                return .mistake("has bits behind its prefix", suggestion: "\"\(suggestion)\"")
            }
        }
    }
}

extension CIDRBlock {
    /// Whether it holds every address of its family.
    fileprivate var isEverything: Bool {
        let size = last.bits - first.bits
        return size == UInt128.max || first.isIPv4 && size == 0xFFFF_FFFF
    }
}
