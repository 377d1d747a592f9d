package import NIOCore
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Listening sockets that the process was started with.
///
/// Those of a service manager (sd_listen_fds(3)) have names and stay for the whole life of the process. Those of the
/// program that this one replaced have the address that the file gave them, and are taken over once.
package final class InheritedSockets: Sendable {
    private let named: [(name: String, socket: ListeningSocket)]
    private let kept: Mutex<[(address: ListenAddress, sockets: [ListeningSocket])]>

    package init(_ listing: InheritedListing = InheritedListing()) throws(IOError) {
        var named: [(String, ListeningSocket)] = []
        for entry in listing.named {
            named.append((entry.name, try ListeningSocket(adopting: entry.descriptor, isShared: true)))
        }
        var kept: [(ListenAddress, [ListeningSocket])] = []
        for entry in listing.kept {
            var sockets: [ListeningSocket] = []
            for descriptor in entry.descriptors {
                sockets.append(try ListeningSocket(adopting: descriptor, isShared: false))
            }
            kept.append((entry.address, sockets))
        }
        self.named = named
        self.kept = Mutex(kept)
    }

    private init() {
        named = []
        kept = Mutex([])
    }

    /// For a process that was started with none.
    package static var none: InheritedSockets { InheritedSockets() }

    /// The descriptors that a program which replaces this one must find open under their numbers.
    package var namedDescriptors: [CInt] { named.map(\.socket.descriptor) }

    /// The sockets that a service manager gave this name, or the one with this number.
    func sockets(named name: String) -> [ListeningSocket] {
        named.filter { $0.name == name || String($0.socket.descriptor) == name }.map(\.socket)
    }

    /// The sockets that the program before had at an address, once.
    func takeOver(_ address: ListenAddress) -> [ListeningSocket]? {
        kept.withLock { kept in
            kept.firstIndex { $0.address == address }.map { kept.remove(at: $0).sockets }
        }
    }

    /// Closes what nobody has taken over; returns the addresses.
    package func closeUnclaimed() -> [ListenAddress] {
        let unclaimed = kept.withLock { kept in
            defer { kept = [] }
            return kept
        }
        for socket in unclaimed.flatMap(\.sockets) { socket.close() }
        return unclaimed.map(\.address)
    }
}

/// What the environment says of sockets that were passed on.
package struct InheritedListing: Hashable, Sendable {
    package struct Named: Hashable, Sendable {
        package var descriptor: CInt
        package var name: String
    }

    package struct Kept: Hashable, Sendable {
        package var address: ListenAddress
        package var descriptors: [CInt]
    }

    package var named: [Named] = []
    package var kept: [Kept] = []

    /// The variable in which a program leaves its sockets to the one that replaces it.
    package static let keptVariable = "FAREBOX_SOCKETS"
    /// Descriptors begin behind standard error (sd_listen_fds(3)).
    private static let first: CInt = 3
    private static let most = 1024

    package init() {}

    /// Reads `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES` and our own variable; nil where they make no sense.
    ///
    /// What was meant for another process is none of ours.
    package init?(environment: [String: String], processID: Int32) {
        if let count = environment["LISTEN_FDS"], let process = environment["LISTEN_PID"] {
            guard let process = Int32(process) else { return nil }
            if process == processID {
                guard let count = Int(count), (0...Self.most).contains(count) else { return nil }
                let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false)
                if let names, names.count != count { return nil }
                named = (0..<count).map { index in
                    Named(descriptor: Self.first + CInt(index), name: names.map { String($0[index]) } ?? "unknown")
                }
            }
        }
        guard let text = environment[Self.keptVariable] else { return }
        for line in text.split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { return nil }
            guard let address = ListenAddress(String(line[line.index(after: space)...])) else { return nil }
            let descriptors = line[..<space].split(separator: ",").compactMap { CInt($0) }
            guard !descriptors.isEmpty, descriptors.allSatisfy({ $0 >= Self.first }) else { return nil }
            kept.append(Kept(address: address, descriptors: descriptors))
        }
    }

    /// What the variable says of these sockets.
    package static func text(of sockets: [(address: ListenAddress, sockets: [ListeningSocket])]) -> String {
        sockets.map { entry in
            entry.sockets.map { String($0.descriptor) }.joined(separator: ",") + " \(entry.address)"
        }.joined(separator: "\n")
    }
}
