import Transport

/// PROXY headers: read alike however they arrive, and never longer than their limit.
enum ProxyHeaderFuzz {
    static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
        let whole = ProxyHeader.parse(bytes)
        for count in bytes.indices {
            let part = ProxyHeader.parse(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            switch (part, whole) {
            case (.incomplete, _): continue
            case (let part, let whole) where part == whole: return nil
            default: return "\(part) after \(count) bytes, \(whole) after all"
            }
        }
        switch whole {
        case .incomplete: return bytes.count >= ProxyHeader.maxBytes ? "waits for more than the limit" : nil
        case .complete(_, let length): return length == bytes.count ? nil : "complete only with bytes behind it"
        case .invalid: return nil
        }
    }
}
