#if os(Linux)
    import NIOCore
    import Testing

    @testable import Transport

    @Suite("The timers of a loop")
    struct TimerQueueTests {
        private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

        @Test(
            "they come in the order of their times, then of their start; cancelled ones do not come",
            arguments: [UInt64.random(in: 0 ... .max), 7])
        func order(seed: UInt64) {
            var random = SplitMix(seed: seed)
            var queue = TimerQueue()
            var model: [(deadline: NIODeadline, number: Int, timer: LoopTimer)] = []
            var fired: [Int] = []
            var expected: [Int] = []
            var now = time(0)
            for number in 0..<4000 {
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    let deadline = now + .milliseconds(Int64.random(in: -5...40, using: &random))
                    let timer = LoopTimer(deadline: deadline) {
                        fired.append(number)
                    } onFailure: { _ in
                    }
                    queue.add(timer)
                    model.append((deadline, number, timer))
                case 2:
                    guard let index = model.indices.randomElement(using: &random) else { continue }
                    queue.cancel(model.remove(at: index).timer)
                default:
                    now = now + .milliseconds(Int64.random(in: 0...10, using: &random))
                    let due = model.filter { $0.deadline <= now }.sorted {
                        ($0.deadline, $0.number) < ($1.deadline, $1.number)
                    }
                    expected += due.map(\.number)
                    model.removeAll { $0.deadline <= now }
                    while let timer = queue.popDue(now) { timer.fire() }
                }
                #expect(queue.places <= 2 * model.count + 34, "seed \(seed)")
            }
            #expect(fired == expected, "seed \(seed)")
        }

        @Test("the wait until the next one is rounded up, and never longer than a minute")
        func wait() {
            var queue = TimerQueue()
            #expect(queue.wait(from: time(0)) == -1)
            queue.add(LoopTimer(deadline: time(5), body: {}, onFailure: { _ in }))
            #expect(queue.wait(from: time(0)) == 5)
            #expect(queue.wait(from: time(4) + .nanoseconds(1)) == 1)
            #expect(queue.wait(from: time(5)) == 0)
            #expect(queue.wait(from: time(9)) == 0)
            var later = TimerQueue()
            later.add(LoopTimer(deadline: time(100_000), body: {}, onFailure: { _ in }))
            #expect(later.wait(from: time(0)) == 60_000)
        }

        @Test("a cancelled timer lets go of what it holds at once")
        func releases() {
            final class Held {}
            var queue = TimerQueue()
            var held: Held? = Held()
            weak let watched = held
            let timer = LoopTimer(deadline: time(5)) { [held] in
                _ = held
            } onFailure: { _ in
            }
            queue.add(timer)
            held = nil
            #expect(watched != nil)
            queue.cancel(timer)
            #expect(watched == nil)
            let due = queue.popDue(time(10))
            #expect(due == nil)
        }

        @Test("what is left at the end comes out once, in order")
        func removeAll() {
            var queue = TimerQueue()
            let timers = [7, 3, 5].map { LoopTimer(deadline: time($0), body: {}, onFailure: { _ in }) }
            for timer in timers { queue.add(timer) }
            queue.cancel(timers[2])
            let left = queue.removeAll()
            #expect(left.map(\.deadline) == [time(3), time(7)])
            #expect(queue.isEmpty)
        }
    }

    @Suite("The descriptors of a loop")
    struct DescriptorTableTests {
        private final class Owner {}

        @Test("what is said of a closed descriptor does not reach the next owner of its number")
        func reuse() {
            var table = DescriptorTable<Owner>()
            let (first, second) = (Owner(), Owner())
            let old = table.add(first, at: 9)
            #expect(table.owner(old) === first)
            #expect(table.owner(0) == nil)
            #expect(table.owner(old + 1) == nil)
            let wasIn = table.remove(first, at: 9)
            #expect(wasIn)
            #expect(table.owner(old) == nil)
            let new = table.add(second, at: 9)
            #expect(table.token(of: 9) == new)
            #expect(table.owner(old) == nil)
            #expect(table.owner(new) === second)
            let isStranger = table.remove(first, at: 9)
            #expect(!isStranger)
            #expect(table.all.count == 1)
        }
    }

    @Suite("Tasks of other threads")
    struct TaskInboxTests {
        @Test("the first task wakes, the others follow in order, and a closed inbox takes none")
        func life() {
            var inbox = TaskInbox()
            var done: [Int] = []
            let first = inbox.add { done.append(1) }
            let second = inbox.add { done.append(2) }
            let isClosed = inbox.closeIfEmpty()
            #expect(first == .wakes && second == .added && !isClosed)
            var tasks: [() -> Void] = [{ done.append(0) }]
            inbox.take(into: &tasks)
            for task in tasks { task() }
            #expect(done == [0, 1, 2])
            let third = inbox.add {}
            #expect(third == .wakes)
            tasks = []
            inbox.take(into: &tasks)
            #expect(tasks.count == 1)
            let isClosedNow = inbox.closeIfEmpty()
            let late = inbox.add {}
            #expect(isClosedNow && late == .closed)
        }
    }
#endif
