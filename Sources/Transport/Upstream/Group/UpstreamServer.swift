package import NIOCore
import Synchronization

/// One upstream server as all event loops of a process know it.
package final class UpstreamServer: Sendable {
    /// What is done for it at most once at a time.
    enum Work: Int {
        case check = 1
        case test = 2
        case resolve = 4
    }

    /// Where its name leads.
    private struct Resolution {
        var addresses: [SocketAddress] = []
        var wasTold = true
    }

    package let counts = UpstreamCounts()
    /// Whether there is anything to be minded; while not, a request costs one load.
    private let hasConcern: Atomic<Bool>
    private let condition: Mutex<ServerCondition>
    private let resolution = Mutex(Resolution())
    private let underWay = Atomic<Int>(0)
    /// Counts the changes of its addresses.
    private let addressEdition = Atomic<Int>(0)

    /// - Parameter addedAt: When it joined servers that were there before, nil for one of the first.
    package init(addedAt time: NIODeadline? = nil) {
        let condition = ServerCondition(addedAt: time)
        hasConcern = Atomic(!condition.isPlain)
        self.condition = Mutex(condition)
    }

    // MARK: Health

    @inline(__always)
    var isPlain: Bool { !hasConcern.load(ordering: .relaxed) }

    /// What is known of it.
    var present: ServerCondition { condition.withLock { $0 } }

    /// Runs a change; the flag follows it under the lock, so that no later change is hidden by an earlier one.
    @discardableResult
    func change<R>(_ body: (inout ServerCondition) -> R) -> R {
        condition.withLock { condition in
            let result = body(&condition)
            hasConcern.store(!condition.isPlain, ordering: .relaxed)
            return result
        }
    }

    // MARK: Addresses

    /// The addresses of its name; empty while it has not been resolved.
    var addresses: [SocketAddress] { resolution.withLock { $0.addresses } }

    var edition: Int { addressEdition.load(ordering: .relaxed) }

    /// Takes what its name was resolved to, none for a failure, which keeps what was known; returns whether that is news.
    func resolved(_ found: [SocketAddress]) -> Bool {
        resolution.withLock { resolution in
            if found.isEmpty {
                defer { resolution.wasTold = false }
                return resolution.wasTold
            }
            let isChanged = Set(found) != Set(resolution.addresses)
            let isNews = !resolution.wasTold || (isChanged && !resolution.addresses.isEmpty)
            resolution.wasTold = true
            resolution.addresses = found
            if isChanged { addressEdition.add(1, ordering: .relaxed) }
            return isNews
        }
    }

    // MARK: Work

    /// Whether this work may begin; it must be ended then.
    func begin(_ work: Work) -> Bool {
        underWay.bitwiseOr(work.rawValue, ordering: .relaxed).oldValue & work.rawValue == 0
    }

    func end(_ work: Work) { underWay.bitwiseAnd(~work.rawValue, ordering: .relaxed) }
}
