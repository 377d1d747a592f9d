/// A listening address and what is spoken there.
package struct ListenPoint: Sendable {
    package var address: ListenAddress
    package var options: ListenerOptions

    package init(address: ListenAddress, options: ListenerOptions = ListenerOptions()) {
        self.address = address
        self.options = options
    }
}

/// Where a listener waits for connections.
package enum ListenAddress: Sendable, Hashable {
    /// A literal address (or name) and port; port 0 takes any free one.
    case host(String, port: Int)
    /// The path of a unix-domain socket.
    case unix(String)
    /// Sockets that a service manager passed to the process, by their name or number.
    case passed(String)

    /// Reads `host:port`, `[v6]:port`, `:port` (all addresses), `unix:/path` or `fd:NAME`; nil for anything else.
    package init?(_ text: String) {
        if text.hasPrefix("fd:") {
            let name = String(text.dropFirst(3))
            // The rule for names of sd_listen_fds_with_names(3).
            guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A })
            else { return nil }
            self = .passed(name)
            return
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.contains("\n") else { return nil }
            self = .unix(path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { $0 == ":" || $0 == "[" || $0 == "]" || $0.isWhitespace }) {
            return nil
        }
        self = .host(host.isEmpty ? "0.0.0.0" : String(host), port: Int(port))
    }
}

extension ListenAddress: CustomStringConvertible {
    /// The text that reads as this address.
    package var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .passed(let name): "fd:\(name)"
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
