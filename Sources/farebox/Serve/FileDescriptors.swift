#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The process's allowance of open files, of which every connection takes one.
enum FileDescriptors {
    /// Raises the soft limit to the hard one; returns what then holds.
    static func raiseLimit() -> UInt64 {
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(kind, &limit)
        guard getrlimit(kind, &limit) == 0 else { return 0 }
        return UInt64(limit.rlim_cur)
    }

    #if canImport(Glibc)
        private static var kind: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var kind: CInt { RLIMIT_NOFILE }
    #endif
}
