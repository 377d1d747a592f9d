/// Tasks that other threads have for a loop.
struct TaskInbox {
    enum AddOutcome {
        /// The loop has to be woken.
        case wakes
        /// The loop has been woken and not looked yet.
        case added
        /// The loop has ended.
        case closed
    }

    private var tasks: [() -> Void] = []
    private var isClosed = false

    mutating func add(_ task: @escaping () -> Void) -> AddOutcome {
        guard !isClosed else { return .closed }
        tasks.append(task)
        return tasks.count == 1 ? .wakes : .added
    }

    /// Hands everything over, in order.
    mutating func take(into other: inout [() -> Void]) {
        guard !tasks.isEmpty else { return }
        if other.isEmpty {
            swap(&tasks, &other)
        } else {
            other += tasks
            tasks.removeAll(keepingCapacity: tasks.capacity <= 1024)
        }
    }

    /// Takes no more tasks, unless some are left.
    mutating func closeIfEmpty() -> Bool {
        guard tasks.isEmpty else { return false }
        isClosed = true
        return true
    }
}
