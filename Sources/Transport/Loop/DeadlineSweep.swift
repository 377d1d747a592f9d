import NIOCore

/// A thing with a deadline that one sweep watches.
///
/// A base class and not a protocol, so that the sweep reads deadlines without a call.
class Deadlined {
    /// When `deadlinePassed(_:)` is due.
    final var deadline = NIODeadline.distantFuture
    fileprivate final var sweepIndex = -1

    /// The deadline has passed; it was reset to the distant future before the call.
    func deadlinePassed(_ now: NIODeadline) {}
}

/// Watches the deadlines of all connections of a loop with one repeated task.
///
/// Deadlines are coarse: never early, and late by two ticks at most.
final class DeadlineSweep {
    static let tick = TimeAmount.milliseconds(250)

    /// The time of the last sweep; cheap to read.
    private(set) var now = NIODeadline.now()
    /// Called at every sweep, before deadlines are looked at.
    var onTick: (() -> Void)?

    private let eventLoop: any EventLoop
    private var watched: [Deadlined] = []
    private var task: RepeatedTask?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var count: Int { watched.count }

    /// What is watched now.
    var all: [Deadlined] { watched }

    /// Returns the deadline that lies this long after the present.
    func deadline(after amount: TimeAmount) -> NIODeadline {
        now + amount + Self.tick
    }

    func add(_ item: Deadlined) {
        guard item.sweepIndex < 0 else { return }
        item.sweepIndex = watched.count
        watched.append(item)
        if task == nil { start() }
    }

    func remove(_ item: Deadlined) {
        let index = item.sweepIndex
        guard index >= 0 else { return }
        item.sweepIndex = -1
        let last = watched.removeLast()
        if last !== item {
            watched[index] = last
            last.sweepIndex = index
        }
        if watched.isEmpty {
            task?.cancel()
            task = nil
        }
    }

    /// Reads the clock; needed before a deadline is computed while nothing is watched.
    func refresh() {
        now = .now()
    }

    /// Looks at every deadline once.
    func sweep(now: NIODeadline) {
        self.now = now
        onTick?()
        var passed: [Deadlined] = []
        for item in watched where item.deadline <= now { passed.append(item) }
        for item in passed where item.sweepIndex >= 0 {
            item.deadline = .distantFuture
            item.deadlinePassed(now)
        }
    }

    private func start() {
        now = .now()
        onTick?()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        task = eventLoop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
            bound.value.sweep(now: .now())
        }
    }
}
