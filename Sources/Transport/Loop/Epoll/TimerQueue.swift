import NIOCore

/// A task for later.
final class LoopTimer {
    let deadline: NIODeadline
    private var body: (() -> Void)?
    private var onFailure: ((any Error) -> Void)?
    /// Whether it stands in a queue.
    fileprivate var isWaiting = false

    init(deadline: NIODeadline, body: @escaping () -> Void, onFailure: @escaping (any Error) -> Void) {
        self.deadline = deadline
        self.body = body
        self.onFailure = onFailure
    }

    /// Runs the task, once.
    func fire() {
        let body = body
        drop()
        body?()
    }

    /// Tells that the task will not run.
    func fail(_ error: any Error) {
        let onFailure = onFailure
        drop()
        onFailure?(error)
    }

    fileprivate func drop() {
        body = nil
        onFailure = nil
    }
}

/// The timers of a loop, first due first; those due together in the order in which they came.
struct TimerQueue {
    private struct Entry {
        let deadline: NIODeadline
        let order: UInt64
        let timer: LoopTimer

        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    // A binary heap. A cancelled timer stays, empty, until its time or until the cancelled ones are the majority.
    private var heap: [Entry] = []
    private var cancelled = 0
    private var order: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }
    /// Places taken, those of cancelled timers included.
    var places: Int { heap.count }

    mutating func add(_ timer: LoopTimer) {
        timer.isWaiting = true
        order &+= 1
        heap.append(Entry(deadline: timer.deadline, order: order, timer: timer))
        rise(heap.count - 1)
    }

    mutating func cancel(_ timer: LoopTimer) {
        timer.drop()
        guard timer.isWaiting else { return }
        timer.isWaiting = false
        cancelled += 1
        if cancelled > 32, cancelled > heap.count / 2 { sweep() }
    }

    /// Takes the next timer whose time has come.
    mutating func popDue(_ now: NIODeadline) -> LoopTimer? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            if first.timer.isWaiting {
                first.timer.isWaiting = false
                return first.timer
            }
            cancelled -= 1
        }
        return nil
    }

    /// Milliseconds until the next timer, rounded up; -1 without one.
    func wait(from now: @autoclosure () -> NIODeadline) -> Int32 {
        guard let first = heap.first else { return -1 }
        let left = (first.deadline - now()).nanoseconds
        guard left > 0 else { return 0 }
        return Int32(min((left - 1) / 1_000_000 + 1, 60_000))
    }

    /// Takes everything out.
    mutating func removeAll() -> [LoopTimer] {
        defer {
            heap = []
            cancelled = 0
        }
        let waiting = heap.filter(\.timer.isWaiting).sorted { $0.isBefore($1) }.map(\.timer)
        for timer in waiting { timer.isWaiting = false }
        return waiting
    }

    private mutating func sweep() {
        heap.removeAll { !$0.timer.isWaiting }
        // A sorted array is a heap.
        heap.sort { $0.isBefore($1) }
        cancelled = 0
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        sink(0)
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].isBefore(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var first = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].isBefore(heap[first]) {
                first = child
            }
            guard first != index else { return }
            heap.swapAt(index, first)
            index = first
        }
    }
}
