import Primitives

/// The keys that open the API, as digests only.
package struct APIKeys: Sendable {
    private struct Entry: Sendable {
        var id: String
        var digest: [UInt8]
    }

    /// Shorter keys are refused: they can be guessed.
    package static let minKeyBytes = 16
    /// The most keys of one listener.
    package static let maxKeys = 256

    private let entries: [Entry]

    /// Why a list of keys cannot be used; never with a key in it.
    package enum Mistake: String, Error, Hashable, Sendable {
        case empty = "no keys"
        case badID = "an id has 1 to 32 of the characters a-z, A-Z, 0-9, - and _"
        case sameID = "two keys have one id"
        case tooShort = "a key has at least 16 visible characters"
        case tooMany = "more than 256 keys"
    }

    /// Reads `id:key,id:key`, as the environment holds it.
    ///
    /// A key without an id (and so without a colon) gets one from its digest, which stays the same wherever it stands.
    package init(_ list: Secret) throws(Mistake) {
        let parts = list.reveal { text in
            text.split(separator: ",").map { entry in
                entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            }
        }
        if parts.isEmpty { throw .empty }
        if parts.count > Self.maxKeys { throw .tooMany }
        var entries: [Entry] = []
        for part in parts {
            let key = String(part[part.count - 1])
            let digest = SHA256.hash(key).bytes
            let id = part.count == 2 ? String(part[0]) : "key-" + Hex.encode(digest.prefix(4), prefix: false)
            guard (1...32).contains(id.utf8.count), id.utf8.allSatisfy(Self.isIDByte) else { throw .badID }
            if entries.contains(where: { $0.id == id }) { throw .sameID }
            guard key.utf8.count >= Self.minKeyBytes else { throw .tooShort }
            entries.append(Entry(id: id, digest: digest))
        }
        self.entries = entries
    }

    /// The id of a key, nil for a wrong one.
    ///
    /// Digests are compared, in constant time and all of them, so the time taken tells nothing about a key.
    package func id(of key: String) -> String? {
        let digest = SHA256.hash(key).bytes
        var found: String?
        for entry in entries where ConstantTime.equal(entry.digest, digest) { found = entry.id }
        return found
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
