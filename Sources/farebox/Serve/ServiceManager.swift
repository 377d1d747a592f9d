import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The service manager that started the process, if one did: systemd, or whoever speaks sd_notify(3).
struct ServiceManager: Sendable {
    private let place: ServiceEnvironment.Place?
    private let watchdog: Duration?

    init(_ environment: ServiceEnvironment) {
        place = environment.place
        watchdog = environment.place == nil ? nil : environment.watchdog
    }

    /// Sends a notice; one that does not arrive is no reason to stop serving.
    func tell(_ notice: ServiceNotice) {
        guard let place, var address = Self.address(of: place) else { return }
        #if canImport(Glibc) || canImport(Musl)
            let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        #else
            let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var text = notice.text
        text.withUTF8 { bytes in
            withUnsafeBytes(of: &address.name) { name in
                guard let base = name.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
                _ = sendto(descriptor, bytes.baseAddress, bytes.count, 0, base, address.length)
            }
        }
    }

    /// Tells that a new file is being read.
    func tellReloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        tell(.reloading(microseconds: UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000))
    }

    /// Gives signs of life until it is cancelled, each only after every event loop has answered.
    func keepAlive(_ group: any EventLoopGroup) async {
        guard let watchdog else { return }
        while !Task.isCancelled {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
            tell(.alive)
            // Half of the time, as sd_watchdog_enabled(3) recommends.
            guard (try? await Task.sleep(for: watchdog / 2)) != nil else { return }
        }
    }

    private static func address(of place: ServiceEnvironment.Place) -> (name: sockaddr_un, length: socklen_t)? {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let text: [UInt8]
        switch place {
        case .path(let path): text = Array(path.utf8) + [0]
        case .abstract(let path): text = [0] + Array(path.utf8)
        }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        let isInside = withUnsafeMutableBytes(of: &name) { bytes in
            guard offset + text.count <= bytes.count else { return false }
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: text)
            return true
        }
        return isInside ? (name, socklen_t(offset + text.count)) : nil
    }
}
