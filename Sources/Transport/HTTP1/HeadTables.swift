#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The constant tables of the head parsers.
///
/// Parsers hold the pointers themselves: a global array would cost a check for its initialisation and for its bounds at
/// every byte.
struct HeadTables {
    /// One name with its first and last eight bytes folded to lower case.
    struct Name {
        let first: UInt64
        let last: UInt64
        let text: UnsafePointer<UInt8>
        let known: KnownField
    }

    static let longestName = 40

    /// 1 for each byte of a token (RFC 9110 §5.6.2).
    let token: UnsafePointer<UInt8>
    /// Known names in order of their length.
    let names: UnsafePointer<Name>
    /// For each length the index of its first name; one more entry than lengths.
    let starts: UnsafePointer<Int>

    /// Made once and never freed.
    nonisolated(unsafe) static let shared = HeadTables()

    private init() {
        let token = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        token.initialize(repeating: 0, count: 256)
        for byte in "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8 {
            token[Int(byte)] = 1
        }
        self.token = UnsafePointer(token)

        let sorted = KnownField.names.sorted { $0.0.utf8CodeUnitCount < $1.0.utf8CodeUnitCount }
        let names = UnsafeMutablePointer<Name>.allocate(capacity: sorted.count)
        let starts = UnsafeMutablePointer<Int>.allocate(capacity: Self.longestName + 2)
        starts.initialize(repeating: sorted.count, count: Self.longestName + 2)
        for (index, (text, known)) in sorted.enumerated().reversed() {
            let length = text.utf8CodeUnitCount
            precondition(length <= Self.longestName, "a known name is longer than the table")
            let (first, last) = Self.words(text.utf8Start, length, available: length)
            (names + index).initialize(to: Name(first: first, last: last, text: text.utf8Start, known: known))
            for shorter in 0...length { starts[shorter] = index }
        }
        self.names = UnsafePointer(names)
        self.starts = UnsafePointer(starts)
    }

    /// Finds a name that consists of token bytes.
    ///
    /// - Parameter available: Bytes that may be read from `name` on, at least `length`.
    @inline(__always)
    func known(_ name: UnsafePointer<UInt8>, _ length: Int, available: Int) -> KnownField {
        guard length <= Self.longestName else {
            return hasOurPrefix(name, length) ? .xFarebox : imitated(name, length)
        }
        var index = starts[length]
        let end = starts[length &+ 1]
        let (first, last) = Self.words(name, length, available: available)
        while index < end {
            let candidate = names[index]
            if candidate.first == first, candidate.last == last,
                length <= 16 || Self.middleMatches(name, candidate.text, length)
            {
                return candidate.known
            }
            index &+= 1
        }
        return first == Self.ourPrefix && hasOurPrefix(name, length) ? .xFarebox : imitated(name, length)
    }

    /// Tells whether an unknown name becomes one that only we may write once its `_` are read as `-`.
    @inline(__always)
    private func imitated(_ name: UnsafePointer<UInt8>, _ length: Int) -> KnownField {
        memchr(name, Int32(UInt8(ascii: "_")), length) == nil ? .other : imitatedSlowly(name, length)
    }

    @inline(never)
    private func imitatedSlowly(_ name: UnsafePointer<UInt8>, _ length: Int) -> KnownField {
        // Of a longer name only our prefix counts.
        let length = min(length, Self.longestName)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: length) { spelled in
            guard let base = spelled.baseAddress else { return .other }
            for index in 0..<length {
                let byte = name[index]
                (base + index).initialize(to: byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte)
            }
            return known(base, length, available: length).isWorthImitating ? .imitation : .other
        }
    }

    /// The first eight bytes of `x-farebox-`, as a little-endian word.
    private static let ourPrefix: UInt64 = 0x6f62_6572_6166_2d78

    private func hasOurPrefix(_ name: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let prefix: StaticString = "x-farebox-"
        guard length >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount where name[index] | 0x20 != prefix.utf8Start[index] { return false }
        return true
    }

    /// Bit 5 folds letters and leaves the digits and the hyphen of known names alone.
    private static let fold: UInt64 = 0x2020_2020_2020_2020

    @inline(__always)
    private static func words(
        _ name: UnsafePointer<UInt8>, _ length: Int, available: Int
    ) -> (first: UInt64, last: UInt64) {
        let raw = UnsafeRawPointer(name)
        if length >= 8 {
            let first = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
            let last = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self))
            return (first | fold, last | fold)
        }
        var word: UInt64 = 0
        if available >= 8 {
            word = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)) & ((1 &<< UInt64(length &* 8)) &- 1)
        } else {
            for index in 0..<length { word |= UInt64(name[index]) &<< UInt64(index &* 8) }
        }
        return (word | fold, 0)
    }

    @inline(__always)
    private static func middleMatches(
        _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int
    ) -> Bool {
        var index = 8
        while index < length &- 8 {
            if left[index] | 0x20 != right[index] { return false }
            index &+= 1
        }
        return true
    }
}
