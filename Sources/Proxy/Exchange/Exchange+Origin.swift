import Pricing
import Transport
import X402

/// The origin that a 402 advertises.
extension Exchange {
    /// The 402 of a sheet: under the client's own origin where the file names none and it is known, else under the file's.
    func challengeTemplate(of sheet: OfferSheet) -> ChallengeTemplate {
        guard let route, !route.advertisedHosts.isEmpty, let host = hostOfClient, route.advertisedHosts.contains(host)
        else { return sheet.challenge }
        return loop.challenge(of: sheet, host: host, isSecure: client.isSecure)
    }

    /// The origin that a 402 of the sheet advertises to this client.
    func advertisedOrigin(of sheet: OfferSheet) -> String {
        guard let route, !route.advertisedHosts.isEmpty, let host = hostOfClient, route.advertisedHosts.contains(host)
        else { return sheet.origin }
        return (client.isSecure ? "https://" : "http://") + host
    }

    /// The host that the client asked for, lower-case; nil where nobody trusted says so, or on a port of its own.
    var hostOfClient: String? {
        let head = stream.head
        guard client.isOriginTold || stream.isSecure, let range = client.host ?? head.host else { return nil }
        let isSecure = client.isSecure
        return head.withBytes { bytes in
            let raw = UnsafeRawBufferPointer(rebasing: bytes[range])
            guard let host = CanonicalHost(raw), host.port ?? (isSecure ? 443 : 80) == (isSecure ? 443 : 80) else {
                return nil
            }
            return String(decoding: raw[host.name], as: UTF8.self).lowercased()
        }
    }
}
