/// Which certificate is for which name: the first of the file that has it.
struct ServerNames: Sendable, Hashable {
    private var exact: [String: Int] = [:]
    /// By what follows the asterisk's point: `example.com` of `*.example.com`.
    private var wildcards: [String: Int] = [:]

    /// Adds a name of a certificate, in any letter case.
    mutating func add(_ name: String, of certificate: Int) {
        let name = name.lowercased()
        if name.hasPrefix("*.") {
            let parent = String(name.dropFirst(2))
            if !parent.contains("*"), wildcards[parent] == nil { wildcards[parent] = certificate }
        } else if !name.contains("*"), exact[name] == nil {
            exact[name] = certificate
        }
    }

    /// The certificate for a name that a client asks for; an asterisk stands for one label (RFC 9525 §6.3).
    func certificate(for name: String) -> Int? {
        var name = name.lowercased()
        // Not allowed in SNI (RFC 6066 §3), and sent by some clients all the same.
        if name.hasSuffix(".") { name.removeLast() }
        if let match = exact[name] { return match }
        guard let point = name.firstIndex(of: "."), point != name.startIndex else { return nil }
        return wildcards[String(name[name.index(after: point)...])]
    }
}
