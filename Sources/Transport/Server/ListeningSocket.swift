package import NIOCore
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A listening stream socket, open until it is closed here.
///
/// Channels accept on duplicates of its descriptor. So accepting can stop while connections go on gathering in the
/// kernel's queue, for another program or for later.
package final class ListeningSocket: Sendable {
    /// Connections that may wait to be accepted; the system may allow fewer.
    static let backlog: CInt = 4096

    package let descriptor: CInt
    package let localAddress: SocketAddress
    /// Whether somebody else has the socket too, so that its queue outlives this process.
    package let isShared: Bool
    /// What lies at the path of a unix-domain socket as long as nobody has put something else there.
    private let file: FileIdentity?
    private let isClosed = Atomic(false)

    /// Takes a descriptor over, which must be of a listening stream socket.
    package init(adopting descriptor: CInt, isShared: Bool) throws(IOError) {
        guard Self.option(SO_TYPE, of: descriptor) == Self.stream else {
            throw IOError(errnoCode: ENOTSOCK, reason: "descriptor \(descriptor) is no stream socket")
        }
        guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1 else {
            throw IOError(errnoCode: EINVAL, reason: "the socket of descriptor \(descriptor) does not listen")
        }
        guard let address = Self.localAddress(of: descriptor) else {
            throw IOError(errnoCode: EAFNOSUPPORT, reason: "the socket of descriptor \(descriptor) has another family")
        }
        Self.closeOnExec(descriptor)
        self.descriptor = descriptor
        localAddress = address
        file = address.pathname.flatMap { FileIdentity($0) }
        self.isShared = isShared
    }

    deinit { close() }

    /// Binds and listens; on Linux the port can be shared with other sockets of this user that share it too.
    static func open(_ address: SocketAddress, sharesPort: Bool) throws(IOError) -> ListeningSocket {
        let descriptor = try bound(address, sharesPort: sharesPort)
        do throws(IOError) {
            guard listen(descriptor, backlog) == 0 else { throw IOError(errnoCode: errno, reason: "listen") }
            return try ListeningSocket(adopting: descriptor, isShared: false)
        } catch {
            systemClose(descriptor)
            throw error
        }
    }

    /// Fails where somebody listens at the address, also with sockets that would share it.
    static func ensureFree(_ address: SocketAddress) throws(IOError) {
        systemClose(try bound(address, sharesPort: false))
    }

    private static func bound(_ address: SocketAddress, sharesPort: Bool) throws(IOError) -> CInt {
        let descriptor = socket(address.protocol.family, stream, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        closeOnExec(descriptor)
        set(SO_REUSEADDR, of: descriptor)
        #if os(Linux)
            if sharesPort { set(SO_REUSEPORT, of: descriptor) }
        #endif
        let result = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        guard result == 0 else {
            let error = IOError(errnoCode: errno, reason: "bind")
            systemClose(descriptor)
            throw error
        }
        return descriptor
    }

    /// Another descriptor of the same socket, closed on exec; the caller closes it.
    func duplicateDescriptor() throws(IOError) -> CInt {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
        return copy
    }

    /// The same socket to be closed apart from this one.
    func duplicate() throws(IOError) -> ListeningSocket {
        try ListeningSocket(adopting: try duplicateDescriptor(), isShared: isShared)
    }

    /// Sets the length of the queue, which a channel has set to its own idea of it.
    func restoreBacklog() { _ = listen(descriptor, Self.backlog) }

    var isOpen: Bool { !isClosed.load(ordering: .acquiring) }

    /// Lets no further connection into the queue; those that are in it can still be accepted.
    ///
    /// On Linux a packet filter drops first packets (SYN without ACK): handshakes under way still end, and whoever comes
    /// now tries again a second later, when the socket is closed. Closing at once would reset whoever has got through
    /// and not been accepted. A unix-domain socket loses its path.
    func refuseFurther() {
        guard isOpen else { return }
        if let file, let path = localAddress.pathname {
            if FileIdentity(path) == file { unlink(path) }
            return
        }
        #if os(Linux)
            HandshakeFilter.attach(to: descriptor)
        #endif
    }

    /// Whether a connection waits to be accepted.
    var hasWaiting: Bool {
        guard isOpen else { return false }
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return systemPoll(&poll) > 0
    }

    /// Closes it; the last holder's closing ends the listening and resets what waits in the queue.
    package func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) { systemClose(descriptor) }
    }

    // MARK: System calls

    #if canImport(Glibc) || canImport(Musl)
        private static let stream = CInt(SOCK_STREAM.rawValue)
    #else
        private static let stream = SOCK_STREAM
    #endif

    private static func closeOnExec(_ descriptor: CInt) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }

    private static func set(_ name: CInt, of descriptor: CInt) {
        var value: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Where an address names its family; with Darwin its length stands before it.
    private static var familyOffset: Int {
        #if canImport(Darwin)
            1
        #else
            0
        #endif
    }

    private static func localAddress(of descriptor: CInt) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress else { return nil }
            let result = getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length)
            guard result == 0 else { return nil }
            switch CInt(bytes.load(fromByteOffset: familyOffset, as: sa_family_t.self)) {
            case AF_INET: return SocketAddress(bytes.load(as: sockaddr_in.self))
            case AF_INET6: return SocketAddress(bytes.load(as: sockaddr_in6.self))
            case AF_UNIX: return SocketAddress(bytes.load(as: sockaddr_un.self))
            default: return nil
            }
        }
    }
}

/// Which file a path leads to.
private struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
    }
}

#if os(Linux)
    /// A classic BPF program (socket(7), `SO_ATTACH_FILTER`) that drops the first packet of each TCP connection.
    private enum HandshakeFilter {
        /// As `struct sock_filter` lies in memory.
        private struct Instruction {
            var code: UInt16
            var ifTrue: UInt8 = 0
            var ifFalse: UInt8 = 0
            var constant: UInt32
        }

        /// As `struct sock_fprog` lies in memory.
        private struct Program {
            var count: UInt16
            var instructions: UnsafePointer<Instruction>?
        }

        private static let program = [
            // The flags of the TCP header (RFC 9293 §3.1), of which SYN is 0x02 and ACK 0x10.
            Instruction(code: 0x30, constant: 13), Instruction(code: 0x54, constant: 0x12),
            Instruction(code: 0x15, ifFalse: 1, constant: 0x02), Instruction(code: 0x06, constant: 0),
            Instruction(code: 0x06, constant: .max),
        ]

        static func attach(to descriptor: CInt) {
            program.withUnsafeBufferPointer { instructions in
                var program = Program(count: UInt16(instructions.count), instructions: instructions.baseAddress)
                _ = setsockopt(
                    descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, socklen_t(MemoryLayout<Program>.size))
            }
        }
    }
#endif

extension NIOBSDSocket.ProtocolFamily {
    fileprivate var family: CInt { CInt(rawValue) }
}

private func systemClose(_ descriptor: CInt) { _ = close(descriptor) }

private func systemPoll(_ what: inout pollfd) -> CInt { poll(&what, 1, 0) }
