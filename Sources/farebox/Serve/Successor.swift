import Foundation
import Transport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The program that replaces this one in its own process: same path, same arguments, same sockets.
///
/// One process owns a ledger, so the two never run side by side. New connections wait in the kernel's queues while this
/// one drains and the next one starts.
struct Successor: Sendable {
    private let arguments: [String]

    /// - Parameter arguments: Those of this process; the first is looked up as a shell does.
    init(arguments: [String] = CommandLine.arguments) {
        self.arguments = arguments
    }

    /// The longest time that the check of a file may take.
    private static let patience: Duration = .seconds(30)

    /// Runs `check` in the program that would go on; says what is wrong, nil where nothing is.
    func fault(of file: String) async -> String? {
        guard let program = arguments.first else { return "the path of the program is not known" }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in 0...CInt(2) {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var child: pid_t = 0
        let result = Self.withPointers([program, "check", "--config", file]) {
            posix_spawnp(&child, program, &actions, nil, $0, environ)
        }
        guard result == 0 else { return "\(program): \(String(cString: strerror(result)))" }
        let start = ContinuousClock.now
        while ContinuousClock.now - start < Self.patience {
            var status: CInt = 0
            if waitpid(child, &status, WNOHANG) == child {
                return status == 0 ? nil : "`\(program) check` refuses the file"
            }
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { break }
        }
        kill(child, SIGKILL)
        waitpid(child, nil, 0)
        return "`\(program) check` does not end"
    }

    /// Becomes the other program; returns only when that fails.
    ///
    /// - Parameters:
    ///   - sockets: Left to it in a variable of the environment.
    ///   - inherited: Those of a service manager, which keep their numbers.
    func takeOver(
        _ sockets: [(address: ListenAddress, sockets: [ListeningSocket])], _ inherited: InheritedSockets
    ) -> String {
        guard let program = arguments.first else { return "the path of the program is not known" }
        // A service manager's sockets are found again under their numbers.
        let own = sockets.filter { if case .passed = $0.address { false } else { true } }
        setenv(InheritedListing.keptVariable, InheritedListing.text(of: own), 1)
        let kept = inherited.namedDescriptors + own.flatMap { $0.sockets.map(\.descriptor) }
        Self.closeOnExec(besides: Set(kept))
        Self.resetSignals()
        // Whoever lets go of a socket closes it.
        withExtendedLifetime((own, inherited)) {
            _ = Self.withPointers(arguments) { execvp(program, $0) }
        }
        return "\(program): \(String(cString: strerror(errno)))"
    }

    /// Lets nothing through but these and the standard streams.
    private static func closeOnExec(besides kept: Set<CInt>) {
        let listed = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.compactMap { CInt($0) }
        for descriptor in listed ?? Array(3..<1024) where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, kept.contains(descriptor) ? 0 : FD_CLOEXEC)
        }
    }

    /// What is ignored or blocked here would stay so there: from now on a request to stop ends the process.
    private static func resetSignals() {
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
        signal(SIGHUP, SIG_IGN)
        signal(SIGUSR2, SIG_IGN)
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// Calls with the texts as C has arguments: pointers, and nil behind them.
    private static func withPointers<R>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
